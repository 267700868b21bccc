//! Listings of risk areas: import, lists, and the people they affect.

use lutong_kernel::{Clock as _, Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Colour, Effect, EffectState};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::Principal;

use crate::mesh::{Mesh, answered, fact, fault, staff, staff_of};
use crate::unplaced_areas::{place, request_id, unplaced};

on_both_engines!(
    a_listing_turns_exactly_those_who_stayed_there_and_its_lifting_ends_it,
    a_notice_that_is_wrong_changes_nothing,
    listings_are_listed_by_division_and_as_they_were_known,
    a_listing_has_a_name_and_is_read_as_it_was_known,
    a_table_of_listings_is_imported_once,
    a_table_that_is_wrong_changes_nothing,
    lists_of_the_whole_country_take_the_province_wide_grant,
);

pub fn notice(time: &str, communities: &[&str]) -> Vec<u8> {
    let row = serde_json::json!({"province": "山东省", "city": "青岛市", "county": "市南区", "communitys": communities});
    let rows = if communities.is_empty() { vec![] } else { vec![row] };
    let data = serde_json::json!({"data": {"end_update_time": time, "hcount": communities.len(), "mcount": 0, "lcount": 0,
        "highlist": rows, "middlelist": [], "lowlist": []}});
    data.to_string().into_bytes()
}

/// How many people were re-evaluated; asserts that all of it is in force.
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
    // The decision cites the listing.
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
    // People who stayed there remain red for fourteen days; the lifting only sets the end.
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
    // An endless stream of chunks is cut off, not buffered.
    let refused = try_import(&mesh, &epidemiologist(), vec![vec![b' '; 64 * 1024]; 300])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "NOTICE_TOO_LARGE");
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Green, Colour::Red]
    );
}

fn officer(account: &str) -> Principal {
    staff(account, Role::HealthOfficer)
}

pub async fn list(mesh: &Mesh, query: wire::ListAreasRequest) -> Result<wire::ListAreasResponse, Fault> {
    let request = mesh.asking(&officer("officer-1"), query);
    answered(mesh.areas().list_areas(request).await)
}

pub async fn import_table(mesh: &Mesh, chunks: Vec<Vec<u8>>) -> Result<wire::ImportIntervalsResponse, Fault> {
    import_table_as(mesh, &staff("epi-1", Role::Epidemiologist), chunks).await
}

pub async fn import_table_as(
    mesh: &Mesh,
    who: &Principal,
    chunks: Vec<Vec<u8>>,
) -> Result<wire::ImportIntervalsResponse, Fault> {
    let chunks = chunks
        .into_iter()
        .map(|chunk| wire::ImportIntervalsRequest { chunk: chunk.into() });
    let chunks = tokio_stream::iter(chunks.collect::<Vec<_>>());
    let request = mesh.asking(who, chunks);
    answered(mesh.areas().import_intervals(request).await)
}

pub fn stamp(text: &str) -> prost_types::Timestamp {
    let at = Timestamp::parse(text).unwrap();
    lutong_proto::time::from_micros(at.micros())
}

fn named_areas(answer: &wire::ListAreasResponse) -> Vec<&str> {
    answer.areas.iter().map(|area| area.community.as_str()).collect()
}

pub fn table(rows: &[&str]) -> Vec<u8> {
    let header = "level,province,city,county,community,gb2260_code,first_seen,removed_at";
    let rows: Vec<String> = rows
        .iter()
        .map(|row| format!("high,山东省,青岛市,{row}"))
        .collect();
    format!("{header}\n{}\n", rows.join("\n")).into_bytes()
}

const LISTED: &str = "市南区,甲小区,370202,2022-11-24T00:00:00+08:00,";

pub const WAITS: &str = "高新区,丙小区,370200,2022-11-24T00:00:00+08:00,";

async fn listings_are_listed_by_division_and_as_they_were_known(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    import(&mesh, notice("2022-11-26 12时", &["甲小区", "乙小区"])).await;
    let known = mesh.bed.clock.now();
    mesh.bed.clock.advance(std::time::Duration::from_secs(7_200));
    import(&mesh, notice("2022-11-26 14时", &["甲小区"])).await;
    let in_qingdao = |open_only| wire::ListAreasRequest {
        division: "370200".to_owned(),
        open_only,
        ..wire::ListAreasRequest::default()
    };
    let all = list(&mesh, in_qingdao(false)).await.unwrap();
    // Ordered by the code points of their names.
    assert_eq!(named_areas(&all), ["乙小区", "甲小区"]);
    assert_eq!(all.areas[0].end_time, Some(stamp("2022-11-26T14:00:00+08:00")));
    assert_eq!(all.areas[1].level(), wire::RiskLevel::High);
    assert_eq!(all.next_page_token, "");
    let now = list(&mesh, in_qingdao(true)).await.unwrap();
    assert_eq!(named_areas(&now), ["甲小区"]);
    let then = wire::ListAreasRequest {
        known_time: Some(lutong_proto::time::from_micros(known.micros())),
        ..in_qingdao(true)
    };
    assert_eq!(list(&mesh, then).await.unwrap().areas.len(), 2);
    let elsewhere = wire::ListAreasRequest {
        division: "370300".to_owned(),
        ..wire::ListAreasRequest::default()
    };
    assert!(list(&mesh, elsewhere).await.unwrap().areas.is_empty());
    let one = wire::ListAreasRequest {
        page_size: 1,
        ..in_qingdao(false)
    };
    let first = list(&mesh, one.clone()).await.unwrap();
    let second = wire::ListAreasRequest {
        page_token: first.next_page_token.clone(),
        ..one
    };
    assert_eq!(named_areas(&first), ["乙小区"]);
    assert_eq!(
        named_areas(&list(&mesh, second.clone()).await.unwrap()),
        ["甲小区"]
    );
    let foreign = wire::ListAreasRequest {
        level: wire::RiskLevel::High.into(),
        ..second
    };
    let refused = list(&mesh, foreign).await.unwrap_err();
    assert_eq!(violations(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let medium = wire::ListAreasRequest {
        level: wire::RiskLevel::Medium.into(),
        ..in_qingdao(false)
    };
    assert!(list(&mesh, medium).await.unwrap().areas.is_empty());
    let wrong = wire::ListAreasRequest {
        division: "青岛".to_owned(),
        known_time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..wire::ListAreasRequest::default()
    };
    let refused = list(&mesh, wrong).await.unwrap_err();
    assert_eq!(
        violations(&refused),
        ["division DIVISION_SHAPE", "known_time TIME_SHAPE"]
    );
}

async fn a_listing_has_a_name_and_is_read_as_it_was_known(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let before = mesh.bed.clock.now();
    mesh.bed.clock.advance(std::time::Duration::from_secs(3_600));
    import(&mesh, notice("2022-11-26 12时", &["甲小区"])).await;
    let known = mesh.bed.clock.now();
    mesh.bed.clock.advance(std::time::Duration::from_secs(3_600));
    import(&mesh, notice("2022-11-26 14时", &[])).await;
    let listed = list(&mesh, wire::ListAreasRequest::default())
        .await
        .unwrap()
        .areas;
    let get = async |name: &str, known: Option<Timestamp>| {
        let request = wire::GetAreaRequest {
            name: name.to_owned(),
            known_time: known.map(|at| lutong_proto::time::from_micros(at.micros())),
        };
        let request = mesh.asking(&officer("officer-1"), request);
        let answer = answered(mesh.areas().get_area(request).await)?;
        Ok::<_, Fault>(answer.area.unwrap())
    };
    let name = &listed[0].name;
    assert_eq!(get(name, None).await.unwrap(), listed[0]);
    let then = get(name, Some(known)).await.unwrap();
    assert_eq!(
        (&then.name, then.end_time),
        (name, None),
        "its end was not known yet"
    );
    for (name, known) in [
        (name.as_str(), Some(before)),
        (&format!("areas/{}", request_id(99)), None),
    ] {
        assert_eq!(get(name, known).await.unwrap_err().reason, "AREA_NOT_FOUND");
    }
    assert_eq!(
        violations(&get("areas/1", None).await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
}

async fn a_table_of_listings_is_imported_once(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区"), stay(2, "乙小区")], &[1, 2])
        .await;
    let rows = || vec![table(&[LISTED, WAITS])];
    let done = import_table(&mesh, rows()).await.unwrap();
    assert_eq!(
        (done.rows, done.listed, done.opened, done.needs_placement),
        (2, 1, 1, 1)
    );
    assert_eq!(redecided(done.effect), 1);
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Red, Colour::Green]
    );
    let again = import_table(&mesh, rows()).await.unwrap();
    assert_eq!(
        (
            again.opened,
            again.ended,
            again.unchanged,
            redecided(again.effect)
        ),
        (0, 0, 1, 0)
    );
    let [waits] = &unplaced(&mesh, true).await[..] else {
        panic!("one row waits, once")
    };
    let placing = wire::PlaceUnplacedAreaRequest {
        request_id: request_id(1),
        name: waits.name.clone(),
        etag: String::new(),
        division: "370202".to_owned(),
        community: "乙小区".to_owned(),
    };
    place(&mesh, &officer("officer-1"), placing).await.unwrap();
    assert_eq!(mesh.shown(2), Some(Colour::Red));
    // A later table has both ends.
    let end = "2022-11-25T00:00:00+08:00";
    let ended = table(&[&format!("{LISTED}{end}"), &format!("{WAITS}{end}")]);
    let done = import_table(&mesh, vec![ended]).await.unwrap();
    assert_eq!((done.opened, done.ended, redecided(done.effect)), (0, 2, 2));
    // An earlier table does not remove an end.
    assert_eq!(import_table(&mesh, rows()).await.unwrap().unchanged, 1);
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
    assert!(
        all.areas.iter().all(|area| area.end_time == Some(stamp(end))),
        "{all:?}"
    );
}

async fn a_table_that_is_wrong_changes_nothing(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let wrong = table(&[LISTED, "市南区,乙小区,37020,2022-11-24T00:00:00+08:00,"]);
    let refused = import_table(&mesh, vec![wrong]).await.unwrap_err();
    assert_eq!(refused.reason, "INTERVALS_UNREADABLE");
    assert_eq!(violations(&refused), ["line 3.gb2260_code UNREADABLE"]);
    let refused = import_table(&mesh, vec![vec![b' '; 64 * 1024]; 300])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INTERVALS_TOO_LARGE");
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
    assert!(all.areas.is_empty());
}

async fn lists_of_the_whole_country_take_the_province_wide_grant(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let of_a_city = staff_of("epi-2", Role::Epidemiologist, "370200");
    let imported = try_import(&mesh, &of_a_city, vec![notice("2022-11-26 12时", &["甲小区"])]).await;
    assert_eq!(imported.unwrap_err().reason, "OUTSIDE_DIVISION");
    let imported = import_table_as(&mesh, &of_a_city, vec![table(&[WAITS])]).await;
    assert_eq!(imported.unwrap_err().reason, "OUTSIDE_DIVISION");
}
