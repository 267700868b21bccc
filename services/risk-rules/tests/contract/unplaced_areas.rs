//! Rows of notices whose location officers determine.

use lutong_kernel::{DivisionCode, Fault};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::Colour;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::areas::{self, import, notice, redecided, stamp, stay, try_import};
use crate::mesh::{Mesh, answered, staff};

on_both_engines!(
    what_officers_must_place_is_listed_once_while_notices_list_it,
    a_placed_row_turns_those_who_stayed_there_and_is_lifted_with_it,
    a_placement_that_is_wrong_changes_nothing,
    a_row_of_another_province_is_not_shandongs_to_place,
    a_row_of_one_city_is_not_placed_in_another,
);

const REST: &str = "除2号楼以外其它楼宇";

fn officer(account: &str) -> Principal {
    staff(account, Role::HealthOfficer)
}

pub fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

pub async fn unplaced(mesh: &Mesh, waiting_only: bool) -> Vec<wire::UnplacedArea> {
    let waiting = wire::UnplacedAreaState::Waiting;
    let query = wire::ListUnplacedAreasRequest {
        state: if waiting_only { waiting.into() } else { 0 },
        ..wire::ListUnplacedAreasRequest::default()
    };
    let request = mesh.asking(&officer("officer-1"), query);
    let answer = answered(mesh.areas().list_unplaced_areas(request).await);
    answer.unwrap().unplaced_areas
}

pub async fn place(
    mesh: &Mesh,
    who: &Principal,
    placing: wire::PlaceUnplacedAreaRequest,
) -> Result<wire::PlaceUnplacedAreaResponse, Fault> {
    let request = mesh.asking(who, placing);
    answered(mesh.areas().place_unplaced_area(request).await)
}

/// Two people who stayed in different places, and a waiting row.
async fn waiting(bed: Bed) -> (Mesh, wire::PlaceUnplacedAreaRequest) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区"), stay(2, "乙小区")], &[1, 2])
        .await;
    import(&mesh, notice("2022-11-26 12时", &[REST])).await;
    let placing = wire::PlaceUnplacedAreaRequest {
        request_id: request_id(1),
        name: unplaced(&mesh, true).await[0].name.clone(),
        etag: String::new(),
        division: "370202".to_owned(),
        community: "甲小区".to_owned(),
    };
    (mesh, placing)
}

pub async fn placing(mesh: &Mesh, division: &str) -> wire::PlaceUnplacedAreaRequest {
    wire::PlaceUnplacedAreaRequest {
        request_id: request_id(90),
        name: unplaced(mesh, true).await[0].name.clone(),
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

async fn what_officers_must_place_is_listed_once_while_notices_list_it(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    import(&mesh, notice("2022-11-26 12时", &["甲小区", REST, REST])).await;
    import(&mesh, notice("2022-11-26 13时", &["甲小区", REST, "全域"])).await;
    let [rest, whole] = &unplaced(&mesh, true).await[..] else {
        panic!("two rows wait")
    };
    assert_eq!(
        (rest.place.as_str(), rest.community.as_str()),
        ("山东省 青岛市 市南区", REST)
    );
    assert_eq!(rest.reason(), wire::PlacementReason::Complement);
    assert_eq!(rest.start_time, Some(stamp("2022-11-26T12:00:00+08:00")));
    assert_eq!(whole.reason(), wire::PlacementReason::WholeArea);
    import(&mesh, notice("2022-11-26 14时", &["甲小区", "全域"])).await;
    assert_eq!(unplaced(&mesh, true).await.len(), 1);
    let all = unplaced(&mesh, false).await;
    assert_eq!(all[0].end_time, Some(stamp("2022-11-26T14:00:00+08:00")));
    assert_eq!(
        [all[0].state(), all[1].state()],
        [wire::UnplacedAreaState::Lapsed, wire::UnplacedAreaState::Waiting]
    );
    let wrong = wire::ListUnplacedAreasRequest {
        page_token: "x".to_owned(),
        ..wire::ListUnplacedAreasRequest::default()
    };
    let request = mesh.asking(&officer("officer-1"), wrong);
    let refused = answered(mesh.areas().list_unplaced_areas(request).await).unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let row = async |name: &str| {
        let request = wire::GetUnplacedAreaRequest {
            name: name.to_owned(),
        };
        let request = mesh.asking(&officer("officer-1"), request);
        let answer = answered(mesh.areas().get_unplaced_area(request).await)?;
        Ok::<_, Fault>(answer.unplaced_area.unwrap())
    };
    assert_eq!(row(&all[1].name).await.unwrap(), all[1]);
    assert_eq!(all[1].allowed_actions, [i32::from(wire::Action::Place)]);
    let nobodys = format!("unplaced-areas/{}", request_id(99));
    assert_eq!(row(&nobodys).await.unwrap_err().reason, "UNPLACED_AREA_NOT_FOUND");
    assert_eq!(
        violations(&row("unplaced-areas/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
}

async fn a_placed_row_turns_those_who_stayed_there_and_is_lifted_with_it(bed: Bed) {
    let (mesh, placing) = waiting(bed).await;
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let who = officer("officer-1");
    let placed = place(&mesh, &who, placing.clone()).await.unwrap();
    assert_eq!(redecided(placed.effect.clone()), 1);
    let area = placed.area.unwrap();
    assert_eq!(area.start_time, Some(stamp("2022-11-26T12:00:00+08:00")));
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Red, Colour::Green]
    );
    let again = place(&mesh, &who, placing).await.unwrap();
    assert_eq!(again.area, Some(area));
    let row = &unplaced(&mesh, false).await[0];
    assert_eq!(row.placement.as_ref().unwrap().officer, "officer-1");
    assert!(unplaced(&mesh, true).await.is_empty());
    // A notice that still lists the row does not lift its placed listing; one without it does.
    let listed = import(&mesh, notice("2022-11-26 13时", &[REST])).await;
    assert_eq!((listed.lifted, redecided(listed.effect)), (0, 0));
    let lifted = import(&mesh, notice("2022-11-26 14时", &[])).await;
    assert_eq!((lifted.lifted, redecided(lifted.effect)), (1, 1));
    let all = areas::list(&mesh, wire::ListAreasRequest::default())
        .await
        .unwrap();
    assert_eq!(all.areas.len(), 1);
    assert_eq!(all.areas[0].end_time, Some(stamp("2022-11-26T14:00:00+08:00")));
}

async fn a_placement_that_is_wrong_changes_nothing(bed: Bed) {
    let (mesh, placing) = waiting(bed).await;
    let who = officer("officer-1");
    let wrong = wire::PlaceUnplacedAreaRequest {
        division: "370200".to_owned(),
        community: " ".to_owned(),
        ..placing.clone()
    };
    let refused = place(&mesh, &who, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["division DIVISION_TOO_WIDE", "community COMMUNITY_SHAPE"]
    );
    let wrong = wire::PlaceUnplacedAreaRequest {
        request_id: String::new(),
        name: "7".to_owned(),
        etag: "x".repeat(65),
        division: "3702".to_owned(),
        community: String::new(),
    };
    let refused = place(&mesh, &who, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        [
            "request_id MISSING",
            "name NAME_SHAPE",
            "etag TOO_LONG",
            "division DIVISION_SHAPE"
        ]
    );
    let elsewhere = Principal {
        division: Some(DivisionCode::parse("370100").unwrap()),
        ..who.clone()
    };
    let refused = place(&mesh, &elsewhere, placing.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let unknown = wire::PlaceUnplacedAreaRequest {
        name: format!("unplaced-areas/{}", request_id(99)),
        ..placing.clone()
    };
    let refused = place(&mesh, &who, unknown).await.unwrap_err();
    assert_eq!(refused.reason, "UNPLACED_AREA_NOT_FOUND");
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let seen = unplaced(&mesh, true).await[0].etag.clone();
    let seen = wire::PlaceUnplacedAreaRequest {
        etag: seen,
        ..placing.clone()
    };
    place(&mesh, &who, placing.clone()).await.unwrap();
    let late = wire::PlaceUnplacedAreaRequest {
        request_id: request_id(3),
        ..seen
    };
    assert_eq!(place(&mesh, &who, late).await.unwrap_err().reason, "STALE");
    let other = wire::PlaceUnplacedAreaRequest {
        community: "乙小区".to_owned(),
        ..placing
    };
    let refused = place(&mesh, &who, other.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    let other = wire::PlaceUnplacedAreaRequest {
        request_id: request_id(2),
        ..other
    };
    let refused = place(&mesh, &who, other).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    assert_eq!(mesh.shown(2), Some(Colour::Green));
}

async fn a_row_of_another_province_is_not_shandongs_to_place(bed: Bed) {
    let (mesh, province) = with_row(bed, "北京市", "朝阳区").await;
    // Neither in Qingdao nor at its real location.
    for division in ["370202", "110105"] {
        let refused = place(&mesh, &province, placing(&mesh, division).await).await;
        assert_eq!(refused.unwrap_err().reason, "OUTSIDE_DIVISION", "{division}");
    }
    assert_eq!(unplaced(&mesh, true).await.len(), 1, "it waits still");
}

async fn a_row_of_one_city_is_not_placed_in_another(bed: Bed) {
    let (mesh, province) = with_row(bed, "山东省", "青岛市").await;
    let refused = place(&mesh, &province, placing(&mesh, "370102").await).await;
    assert_eq!(
        violations(&refused.unwrap_err()),
        ["division DIVISION_NOT_OF_ROW"]
    );
    let refused = place(&mesh, &province, placing(&mesh, "370299").await).await;
    assert_eq!(violations(&refused.unwrap_err()), ["division DIVISION_UNKNOWN"]);
    place(&mesh, &province, placing(&mesh, "370202").await)
        .await
        .unwrap();
}
