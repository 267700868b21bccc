//! Whom a new listing concerns.

use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Colour, Effect, EffectState};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;

use crate::mesh::{Mesh, fact, fault, staff};

on_both_engines!(
    a_listing_turns_exactly_those_who_stayed_there_and_its_lifting_ends_it,
    a_notice_that_is_wrong_changes_nothing,
);

pub fn notice(time: &str, communities: &[&str]) -> Vec<u8> {
    let row = serde_json::json!({"province": "山东省", "city": "青岛市", "county": "市南区", "communitys": communities});
    let rows = if communities.is_empty() { vec![] } else { vec![row] };
    let data = serde_json::json!({"data": {"end_update_time": time, "hcount": communities.len(), "mcount": 0, "lcount": 0,
        "highlist": rows, "middlelist": [], "lowlist": []}});
    data.to_string().into_bytes()
}

/// How many were decided about anew, all of it in force.
pub fn redecided(effect: Option<Effect>) -> i64 {
    let effect = effect.unwrap();
    assert_eq!(
        (effect.state(), effect.operation.as_str()),
        (EffectState::InForce, "")
    );
    effect.redecided
}

pub async fn try_import(
    mesh: &Mesh,
    who: &Principal,
    chunks: Vec<Vec<u8>>,
) -> Result<wire::ImportNoticeResponse, Fault> {
    let chunks = chunks
        .into_iter()
        .map(|chunk| wire::ImportNoticeRequest { chunk: chunk.into() });
    let chunks = tokio_stream::iter(chunks.collect::<Vec<_>>());
    let request = mesh.asking(who, chunks);
    let answer = mesh.areas().import_notice(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
}

fn epidemiologist() -> Principal {
    staff("epi-1", Role::Epidemiologist)
}

pub async fn import(mesh: &Mesh, notice: Vec<u8>) -> wire::ImportNoticeResponse {
    try_import(mesh, &epidemiologist(), vec![notice]).await.unwrap()
}

pub fn stay(n: u32, community: &str) -> wire::FactStatement {
    let attributes = serde_json::json!({"division": "370202", "community": community,
        "arrived_at": "2022-11-25T08:00:00+08:00"});
    fact(n, &format!("s{n}"), "stay", &attributes)
}

async fn a_listing_turns_exactly_those_who_stayed_there_and_its_lifting_ends_it(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(
        vec![stay(1, "甲小区"), stay(2, "乙小区"), stay(3, "甲小区")],
        &[1, 2, 3],
    )
    .await;
    let opened = import(&mesh, notice("2022-11-26 12时", &["甲小区"])).await;
    assert_eq!((opened.opened, redecided(opened.effect)), (1, 2));
    let shown = [1, 2, 3].map(|n| mesh.shown(n).unwrap());
    assert_eq!(shown, [Colour::Red, Colour::Green, Colour::Red]);
    // The decision says which listing it goes by.
    let decision = mesh.decision(1).await.unwrap();
    let [cited] = &decision.citations[0].areas[..] else {
        panic!("{decision:?}")
    };
    assert_eq!(
        (cited.division.as_str(), cited.community.as_str(), cited.level()),
        ("370202", "甲小区", wire::RiskLevel::High)
    );
    let basis = decision.citations[0].legal_basis.clone().unwrap();
    assert_eq!(basis.code(), wire::LegalBasisCode::RuleSet);
    assert!(basis.text.unwrap().zh.contains("传染病防治法"));
    let request = wire::GetAreaRequest {
        name: cited.area.clone(),
        known_time: None,
    };
    let request = mesh.asking(&epidemiologist(), request);
    let listed = mesh
        .areas()
        .get_area(request)
        .await
        .unwrap()
        .into_inner()
        .area
        .unwrap();
    assert_eq!(listed.community, "甲小区");
    let again = import(&mesh, notice("2022-11-26 12时", &["甲小区"])).await;
    assert_eq!(
        (again.opened, again.unchanged, redecided(again.effect)),
        (0, 1, 0)
    );
    let lifted = import(&mesh, notice("2022-11-26 14时", &[])).await;
    // Whoever was there is red until fourteen days after; what changes is that an end is known.
    assert_eq!((lifted.lifted, redecided(lifted.effect)), (1, 2));
    assert_eq!(mesh.shown(1), Some(Colour::Red));
}

async fn a_notice_that_is_wrong_changes_nothing(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区"), stay(2, "乙小区")], &[1, 2])
        .await;
    import(&mesh, notice("2022-11-26 12时", &["乙小区"])).await;
    let good = notice("2022-11-26 13时", &["甲小区"]);
    let cut = good[..good.len() / 2].to_vec();
    let counts = String::from_utf8(good.clone())
        .unwrap()
        .replace("\"hcount\":1", "\"hcount\":2");
    let older = notice("2022-11-26 11时", &["甲小区"]);
    for (bad, reason, field) in [
        (cut, "NOTICE_UNREADABLE", "byte "),
        (counts.into_bytes(), "NOTICE_COUNTS_DIFFER", "data.hcount"),
        (older, "NOTICE_OLDER", ""),
    ] {
        let refused = try_import(&mesh, &epidemiologist(), vec![bad]).await.unwrap_err();
        assert_eq!(refused.reason, reason);
        let named = refused.violations.first().map_or("", |wrong| &wrong.field);
        assert!(named.starts_with(field), "{refused:?}");
    }
    // Endless chunks are cut off, not gathered.
    let refused = try_import(&mesh, &epidemiologist(), vec![vec![b' '; 64 * 1024]; 300])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "NOTICE_TOO_LARGE");
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Green, Colour::Red]
    );
}
