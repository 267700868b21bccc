//! Staff without a division act nowhere.

use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_testing::Bed;
use lutong_testing::on_both_engines;

use crate::areas::{WAITS, import_table, import_table_as, notice, table, try_import};
use crate::mesh::{Mesh, reason, staff, staff_of_nowhere};
use crate::people::placed;
use crate::unplaced_areas::{self, placing};
use crate::{designations, key_areas};

on_both_engines!(staff_without_a_division_act_nowhere,);

async fn staff_without_a_division_act_nowhere(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.after_identity_events([placed(1, "370202")]).await;
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
    let area = key_areas::propose(&mesh, &nobody, key_areas::proposal(1)).await;
    assert_eq!(reason(area), "DIVISION_MISSING");
    let area = key_areas::propose(&mesh, &other, key_areas::proposal(2))
        .await
        .unwrap();
    for refused in [
        key_areas::act(&mesh, &nobody, "approve", &area.name, "")
            .await
            .map(drop),
        key_areas::act(&mesh, &nobody, "reject", &area.name, "")
            .await
            .map(drop),
        key_areas::act(&mesh, &nobody, "withdraw", &area.name, "")
            .await
            .map(drop),
        key_areas::act(&mesh, &nobody, "end", &area.name, "")
            .await
            .map(drop),
        key_areas::get(&mesh, &nobody, &area.name).await.map(drop),
        key_areas::list(&mesh, &nobody, wire::ListKeyAreasRequest::default())
            .await
            .map(drop),
    ] {
        assert_eq!(reason(refused), "DIVISION_MISSING");
    }
    import_table(&mesh, vec![table(&[WAITS])]).await.unwrap();
    let placing = placing(&mesh, "370202").await;
    assert_eq!(
        reason(unplaced_areas::place(&mesh, &nobody, placing).await),
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
