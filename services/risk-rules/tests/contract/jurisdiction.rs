//! Where staff may act: nowhere without a division, in Shandong with the province-wide grant, never in another province.

use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;

use crate::areas::{notice, try_import};
use crate::designations;
use crate::mesh::{Mesh, staff, staff_of, staff_of_nowhere};
use crate::people::placed;
use crate::placement::{self, WAITS, import_table, import_table_as, named, table};

on_both_engines!(
    staff_without_a_division_act_nowhere,
    lists_of_the_whole_country_take_the_province_wide_grant,
    a_key_area_lies_in_shandong_and_exists,
    a_row_of_another_province_is_not_shandongs_to_place,
    a_row_of_one_city_is_not_placed_in_another,
);

fn reason<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    answer.unwrap_err().reason.into_owned()
}

async fn staff_without_a_division_act_nowhere(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.told([placed(1, "370202")]).await;
    mesh.stored(vec![], &[1]).await;
    let nobody = staff_of_nowhere("officer-1", Role::HealthOfficer);
    let (one, other) = (
        staff("officer-2", Role::HealthOfficer),
        staff("officer-3", Role::HealthOfficer),
    );
    let proposed = designations::propose(&mesh, &nobody, designations::proposal(&mesh, 1, 14)).await;
    assert_eq!(reason(proposed), "DIVISION_MISSING");
    let name = designations::propose(&mesh, &one, designations::proposal(&mesh, 2, 14))
        .await
        .unwrap();
    for refused in [
        designations::approve(&mesh, &nobody, &name).await.map(drop),
        designations::end(&mesh, &nobody, &name).await.map(drop),
        designations::reject(&mesh, &nobody, &name, "").await.map(drop),
        designations::withdraw(&mesh, &nobody, &name, "").await.map(drop),
        designations::get(&mesh, &nobody, &name).await.map(drop),
        designations::list_all(&mesh, &nobody).await.map(drop),
    ] {
        assert_eq!(reason(refused), "DIVISION_MISSING");
    }
    let area = placement::propose(&mesh, &nobody, placement::proposal(1)).await;
    assert_eq!(reason(area), "DIVISION_MISSING");
    let area = placement::propose(&mesh, &other, placement::proposal(2))
        .await
        .unwrap();
    for refused in [
        placement::act(&mesh, &nobody, "approve", &area.name, "")
            .await
            .map(drop),
        placement::act(&mesh, &nobody, "reject", &area.name, "")
            .await
            .map(drop),
        placement::act(&mesh, &nobody, "withdraw", &area.name, "")
            .await
            .map(drop),
        placement::act(&mesh, &nobody, "end", &area.name, "")
            .await
            .map(drop),
        placement::get(&mesh, &nobody, &area.name).await.map(drop),
        placement::key_areas(&mesh, &nobody, wire::ListKeyAreasRequest::default())
            .await
            .map(drop),
    ] {
        assert_eq!(reason(refused), "DIVISION_MISSING");
    }
    import_table(&mesh, vec![table(&[WAITS])]).await.unwrap();
    let placing = placing(&mesh, "370202").await;
    assert_eq!(
        reason(placement::place(&mesh, &nobody, placing).await),
        "DIVISION_MISSING"
    );
    let epidemiologist = staff_of_nowhere("epi-2", Role::Epidemiologist);
    let imported = try_import(
        &mesh,
        &epidemiologist,
        vec![notice("2022-11-26 12时", &["甲小区"])],
    )
    .await;
    assert_eq!(reason(imported), "DIVISION_MISSING");
    let imported = import_table_as(&mesh, &epidemiologist, vec![table(&[WAITS])]).await;
    assert_eq!(reason(imported), "DIVISION_MISSING");
}

async fn lists_of_the_whole_country_take_the_province_wide_grant(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let of_a_city = staff_of("epi-2", Role::Epidemiologist, "370200");
    let imported = try_import(&mesh, &of_a_city, vec![notice("2022-11-26 12时", &["甲小区"])]).await;
    assert_eq!(reason(imported), "OUTSIDE_DIVISION");
    let imported = import_table_as(&mesh, &of_a_city, vec![table(&[WAITS])]).await;
    assert_eq!(reason(imported), "OUTSIDE_DIVISION");
}

async fn a_key_area_lies_in_shandong_and_exists(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let province = staff("officer-1", Role::HealthOfficer);
    for (division, refusal) in [
        ("110000", "OUTSIDE_DIVISION"),
        ("110101", "OUTSIDE_DIVISION"),
        ("999999", "OUTSIDE_DIVISION"),
        ("370299", "division DIVISION_UNKNOWN"),
        ("370299001", "division DIVISION_UNKNOWN"),
    ] {
        let proposal = wire::ProposeKeyAreaRequest {
            division: division.to_owned(),
            ..placement::proposal(1)
        };
        let refused = placement::propose(&mesh, &province, proposal).await.unwrap_err();
        let said = named(&refused)
            .pop()
            .unwrap_or_else(|| refused.reason.to_string());
        assert_eq!(said, refusal, "{division}");
    }
    for (n, division) in [(2, "370000"), (3, "370200"), (4, "370202"), (5, "370202001")] {
        let proposal = wire::ProposeKeyAreaRequest {
            division: division.to_owned(),
            ..placement::proposal(n)
        };
        placement::propose(&mesh, &province, proposal).await.unwrap();
    }
}

async fn placing(mesh: &Mesh, division: &str) -> wire::PlaceUnplacedAreaRequest {
    wire::PlaceUnplacedAreaRequest {
        request_id: placement::request_id(90),
        name: placement::unplaced(mesh, true).await[0].name.clone(),
        etag: String::new(),
        division: division.to_owned(),
        community: "甲小区".to_owned(),
    }
}

async fn with_row(bed: Bed, province: &str, city: &str) -> (Mesh, Principal) {
    let mesh = Mesh::start(bed).await;
    let row =
        serde_json::json!({"province": province, "city": city, "county": "高新区", "communitys": ["全域"]});
    let data = serde_json::json!({"data": {"end_update_time": "2022-11-26 12时", "hcount": 1, "mcount": 0, "lcount": 0,
        "highlist": [row], "middlelist": [], "lowlist": []}});
    let epidemiologist = staff("epi-1", Role::Epidemiologist);
    try_import(&mesh, &epidemiologist, vec![data.to_string().into_bytes()])
        .await
        .unwrap();
    (mesh, staff("officer-1", Role::HealthOfficer))
}

async fn a_row_of_another_province_is_not_shandongs_to_place(bed: Bed) {
    let (mesh, province) = with_row(bed, "北京市", "朝阳区").await;
    // Neither in Qingdao nor where it lies.
    for division in ["370202", "110105"] {
        let refused = placement::place(&mesh, &province, placing(&mesh, division).await).await;
        assert_eq!(reason(refused), "OUTSIDE_DIVISION", "{division}");
    }
    assert_eq!(placement::unplaced(&mesh, true).await.len(), 1, "it waits still");
}

async fn a_row_of_one_city_is_not_placed_in_another(bed: Bed) {
    let (mesh, province) = with_row(bed, "山东省", "青岛市").await;
    let refused = placement::place(&mesh, &province, placing(&mesh, "370102").await).await;
    assert_eq!(named(&refused.unwrap_err()), ["division DIVISION_NOT_OF_ROW"]);
    let refused = placement::place(&mesh, &province, placing(&mesh, "370299").await).await;
    assert_eq!(named(&refused.unwrap_err()), ["division DIVISION_UNKNOWN"]);
    placement::place(&mesh, &province, placing(&mesh, "370202").await)
        .await
        .unwrap();
}
