//! What is listed, what officers place and declare, and tables of listings.

use lutong_chassis::Principal;
use lutong_chassis::on_both_engines;
use lutong_chassis::testing::Bed;
use lutong_kernel::{Clock as _, DivisionCode, Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::Colour;
use tonic::Response;

use crate::areas::{import, notice, stay};
use crate::mesh::{Mesh, fault, staff};

on_both_engines!(
    listings_are_listed_by_division_and_as_they_were_known,
    what_officers_must_place_is_listed_once_while_notices_list_it,
    a_placed_row_turns_those_who_stayed_there_and_is_lifted_with_it,
    a_placement_that_is_wrong_changes_nothing,
    a_table_of_listings_is_imported_once,
    a_table_that_is_wrong_changes_nothing,
    a_key_area_is_listed_once_a_second_officer_approves,
    a_proposal_that_is_wrong_is_not_stored,
);

const REST: &str = "除2号楼以外其它楼宇";

fn officer(account: &str) -> Principal {
    staff(account, Role::HealthOfficer)
}

pub fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-9000-{n:012}")
}

pub fn named(fault: &Fault) -> Vec<String> {
    let wrong = fault.violations.iter();
    wrong.map(|one| format!("{} {}", one.field, one.reason)).collect()
}

fn answered<T>(answer: Result<Response<T>, tonic::Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

async fn list(mesh: &Mesh, query: wire::ListAreasRequest) -> Result<wire::ListAreasResponse, Fault> {
    let request = mesh.purposeful(&officer("officer-1"), query);
    answered(mesh.areas().list_areas(request).await)
}

pub async fn unplaced(mesh: &Mesh, waiting_only: bool) -> Vec<wire::UnplacedArea> {
    let query = wire::ListUnplacedRequest {
        waiting_only,
        ..wire::ListUnplacedRequest::default()
    };
    let request = mesh.purposeful(&officer("officer-1"), query);
    let answer = answered(mesh.areas().list_unplaced(request).await);
    answer.unwrap().unplaced_areas
}

pub async fn place(
    mesh: &Mesh,
    who: &Principal,
    placing: wire::PlaceAreaRequest,
) -> Result<wire::PlaceAreaResponse, Fault> {
    let request = mesh.purposeful(who, placing);
    answered(mesh.areas().place_area(request).await)
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
    let request = mesh.purposeful(who, chunks);
    answered(mesh.areas().import_intervals(request).await)
}

fn stamp(text: &str) -> prost_types::Timestamp {
    let at = Timestamp::parse(text).unwrap();
    lutong_proto::time::from_micros(at.micros())
}

fn named_areas(answer: &wire::ListAreasResponse) -> Vec<&str> {
    answer.areas.iter().map(|area| area.community.as_str()).collect()
}

async fn listings_are_listed_by_division_and_as_they_were_known(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    import(&mesh, notice("2022-11-26 12时", &["甲小区", "乙小区"])).await;
    let known = mesh.bed.clock.now();
    mesh.bed.clock.advance(std::time::Duration::from_secs(7_200));
    import(&mesh, notice("2022-11-26 14时", &["甲小区"])).await;
    let in_qingdao = |open_only| wire::ListAreasRequest {
        division: "3702".to_owned(),
        open_only,
        ..wire::ListAreasRequest::default()
    };
    let all = list(&mesh, in_qingdao(false)).await.unwrap();
    // By the code points of their names.
    assert_eq!(named_areas(&all), ["乙小区", "甲小区"]);
    assert_eq!(all.areas[0].to_time, Some(stamp("2022-11-26T14:00:00+08:00")));
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
    assert_eq!(named_areas(&list(&mesh, second).await.unwrap()), ["甲小区"]);
    let wrong = wire::ListAreasRequest {
        division: "青岛".to_owned(),
        known_time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        page_token: "x".to_owned(),
        ..wire::ListAreasRequest::default()
    };
    let refused = list(&mesh, wrong).await.unwrap_err();
    assert_eq!(
        named(&refused),
        [
            "division DIVISION_PREFIX",
            "known_time INSTANT",
            "page_token PAGE_TOKEN"
        ]
    );
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
    assert_eq!(rest.publish_time, Some(stamp("2022-11-26T12:00:00+08:00")));
    assert_eq!(whole.reason(), wire::PlacementReason::WholeArea);
    import(&mesh, notice("2022-11-26 14时", &["甲小区", "全域"])).await;
    assert_eq!(unplaced(&mesh, true).await.len(), 1);
    let all = unplaced(&mesh, false).await;
    assert_eq!(all[0].end_time, Some(stamp("2022-11-26T14:00:00+08:00")));
    let wrong = wire::ListUnplacedRequest {
        page_size: 1_001,
        ..wire::ListUnplacedRequest::default()
    };
    let request = mesh.purposeful(&officer("officer-1"), wrong);
    let refused = answered(mesh.areas().list_unplaced(request).await).unwrap_err();
    assert_eq!(named(&refused), ["page_size PAGE_RANGE"]);
}

/// Two who stayed in different places, and a row that waits.
async fn waiting(bed: Bed) -> (Mesh, wire::PlaceAreaRequest) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区"), stay(2, "乙小区")], &[1, 2])
        .await;
    import(&mesh, notice("2022-11-26 12时", &[REST])).await;
    let placing = wire::PlaceAreaRequest {
        request_id: request_id(1),
        unplaced_area_id: unplaced(&mesh, true).await[0].unplaced_area_id,
        division: "370202".to_owned(),
        community: "甲小区".to_owned(),
    };
    (mesh, placing)
}

async fn a_placed_row_turns_those_who_stayed_there_and_is_lifted_with_it(bed: Bed) {
    let (mesh, placing) = waiting(bed).await;
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let who = officer("officer-1");
    let placed = place(&mesh, &who, placing.clone()).await.unwrap();
    assert_eq!((placed.redecided, placed.in_force), (1, true));
    let area = placed.area.unwrap();
    assert_eq!(area.from_time, Some(stamp("2022-11-26T12:00:00+08:00")));
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Red, Colour::Green]
    );
    let again = place(&mesh, &who, placing).await.unwrap();
    assert_eq!(again.area, Some(area));
    let row = &unplaced(&mesh, false).await[0];
    assert_eq!(row.placement.as_ref().unwrap().officer, "officer-1");
    assert!(unplaced(&mesh, true).await.is_empty());
    // A notice that lists the row still does not lift what was placed of it; one without it does.
    let listed = import(&mesh, notice("2022-11-26 13时", &[REST])).await;
    assert_eq!((listed.lifted, listed.redecided), (0, 0));
    let lifted = import(&mesh, notice("2022-11-26 14时", &[])).await;
    assert_eq!((lifted.lifted, lifted.redecided), (1, 1));
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
    assert_eq!(all.areas.len(), 1);
    assert_eq!(all.areas[0].to_time, Some(stamp("2022-11-26T14:00:00+08:00")));
}

async fn a_placement_that_is_wrong_changes_nothing(bed: Bed) {
    let (mesh, placing) = waiting(bed).await;
    let who = officer("officer-1");
    let wrong = wire::PlaceAreaRequest {
        request_id: String::new(),
        division: "370200".to_owned(),
        community: " ".to_owned(),
        ..placing.clone()
    };
    let refused = place(&mesh, &who, wrong).await.unwrap_err();
    assert_eq!(
        named(&refused),
        [
            "request_id REQUEST_ID_MISSING",
            "division DIVISION_TOO_WIDE",
            "community COMMUNITY_SHAPE"
        ]
    );
    let elsewhere = Principal {
        division: Some(DivisionCode::parse("370100").unwrap()),
        ..who.clone()
    };
    let refused = place(&mesh, &elsewhere, placing.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let unknown = wire::PlaceAreaRequest {
        unplaced_area_id: 9_999,
        ..placing.clone()
    };
    let refused = place(&mesh, &who, unknown).await.unwrap_err();
    assert_eq!(refused.reason, "UNPLACED_NOT_FOUND");
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    place(&mesh, &who, placing.clone()).await.unwrap();
    let other = wire::PlaceAreaRequest {
        community: "乙小区".to_owned(),
        ..placing
    };
    let refused = place(&mesh, &who, other.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    let other = wire::PlaceAreaRequest {
        request_id: request_id(2),
        ..other
    };
    let refused = place(&mesh, &who, other).await.unwrap_err();
    assert_eq!(refused.reason, "ALREADY_PLACED");
    assert_eq!(mesh.shown(2), Some(Colour::Green));
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
    assert_eq!((done.redecided, done.in_force), (1, true));
    assert_eq!(
        [1, 2].map(|n| mesh.shown(n).unwrap()),
        [Colour::Red, Colour::Green]
    );
    let again = import_table(&mesh, rows()).await.unwrap();
    assert_eq!(
        (again.opened, again.ended, again.unchanged, again.redecided),
        (0, 0, 1, 0)
    );
    let [waits] = &unplaced(&mesh, true).await[..] else {
        panic!("one row waits, once")
    };
    let placing = wire::PlaceAreaRequest {
        request_id: request_id(1),
        unplaced_area_id: waits.unplaced_area_id,
        division: "370202".to_owned(),
        community: "乙小区".to_owned(),
    };
    place(&mesh, &officer("officer-1"), placing).await.unwrap();
    assert_eq!(mesh.shown(2), Some(Colour::Red));
    // A later table knows both ends.
    let end = "2022-11-25T00:00:00+08:00";
    let ended = table(&[&format!("{LISTED}{end}"), &format!("{WAITS}{end}")]);
    let done = import_table(&mesh, vec![ended]).await.unwrap();
    assert_eq!((done.opened, done.ended, done.redecided), (0, 2, 2));
    // An earlier one takes no end away.
    assert_eq!(import_table(&mesh, rows()).await.unwrap().unchanged, 1);
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
    assert!(
        all.areas.iter().all(|area| area.to_time == Some(stamp(end))),
        "{all:?}"
    );
}

async fn a_table_that_is_wrong_changes_nothing(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let wrong = table(&[LISTED, "市南区,乙小区,37020,2022-11-24T00:00:00+08:00,"]);
    let refused = import_table(&mesh, vec![wrong]).await.unwrap_err();
    assert_eq!(refused.reason, "INTERVALS_UNREADABLE");
    assert_eq!(named(&refused), ["line 3.gb2260_code UNREADABLE"]);
    let refused = import_table(&mesh, vec![vec![b' '; 64 * 1024]; 300])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INTERVALS_TOO_LARGE");
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
    assert!(all.areas.is_empty());
}

pub fn proposal(n: u32) -> wire::ProposeKeyAreaRequest {
    wire::ProposeKeyAreaRequest {
        request_id: request_id(n),
        division: "370202".to_owned(),
        from_time: Some(stamp("2022-11-25T00:00:00+08:00")),
        to_time: None,
        legal_basis: wire::KeyAreaBasis::EpidemicArea.into(),
    }
}

pub async fn propose(
    mesh: &Mesh,
    who: &Principal,
    proposal: wire::ProposeKeyAreaRequest,
) -> Result<wire::KeyArea, Fault> {
    let request = mesh.purposeful(who, proposal);
    let answer = answered(mesh.areas().propose_key_area(request).await)?;
    Ok(answer.key_area.unwrap())
}

pub async fn approve(
    mesh: &Mesh,
    who: &Principal,
    n: u32,
    key_area_id: i64,
) -> Result<wire::ApproveKeyAreaResponse, Fault> {
    let approval = wire::ApproveKeyAreaRequest {
        request_id: request_id(n),
        key_area_id,
    };
    let request = mesh.purposeful(who, approval);
    answered(mesh.areas().approve_key_area(request).await)
}

async fn a_key_area_is_listed_once_a_second_officer_approves(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区")], &[1]).await;
    let (one, two) = (officer("officer-1"), officer("officer-2"));
    let proposed = propose(&mesh, &one, proposal(1)).await.unwrap();
    assert_eq!(propose(&mesh, &one, proposal(1)).await.unwrap(), proposed);
    let id = proposed.key_area_id;
    let refused = approve(&mesh, &one, 2, id).await.unwrap_err();
    assert_eq!(refused.reason, "OWN_PROPOSAL");
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let approved = approve(&mesh, &two, 3, id).await.unwrap();
    assert_eq!((approved.redecided, approved.in_force), (1, true));
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    let approved = approved.key_area.unwrap();
    assert_eq!(
        (approved.proposer.as_str(), approved.approver.as_str()),
        ("officer-1", "officer-2")
    );
    assert_eq!(
        approve(&mesh, &two, 3, id).await.unwrap().key_area,
        Some(approved)
    );
    // No notice lifts it.
    import(&mesh, notice("2022-11-26 14时", &[])).await;
    let open = wire::ListAreasRequest {
        open_only: true,
        ..wire::ListAreasRequest::default()
    };
    let listed = list(&mesh, open).await.unwrap();
    assert_eq!(listed.areas[0].level(), wire::RiskLevel::Key);
    let refused = approve(&mesh, &two, 4, id).await.unwrap_err();
    assert_eq!(refused.reason, "ALREADY_APPROVED");
    let elsewhere = Principal {
        division: Some(DivisionCode::parse("370100").unwrap()),
        ..two.clone()
    };
    let refused = approve(&mesh, &elsewhere, 5, id).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    assert_eq!(
        approve(&mesh, &two, 6, 9_999).await.unwrap_err().reason,
        "KEY_AREA_NOT_FOUND"
    );
    let other = propose(&mesh, &one, proposal(7)).await.unwrap().key_area_id;
    let refused = approve(&mesh, &two, 3, other).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    let refused = mesh.purposeful(&two, wire::ApproveKeyAreaRequest::default());
    let refused = answered(mesh.areas().approve_key_area(refused).await).unwrap_err();
    assert_eq!(named(&refused), ["request_id REQUEST_ID_MISSING"]);
}

async fn a_proposal_that_is_wrong_is_not_stored(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let one = officer("officer-1");
    let wrong = wire::ProposeKeyAreaRequest {
        division: "37".to_owned(),
        to_time: Some(stamp("2022-11-24T00:00:00+08:00")),
        legal_basis: 0,
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(
        named(&refused),
        [
            "division DIVISION_SHAPE",
            "legal_basis LEGAL_BASIS",
            "to_time END_BEFORE_BEGINNING"
        ]
    );
    let elsewhere = Principal {
        division: Some(DivisionCode::parse("370100").unwrap()),
        ..one.clone()
    };
    let refused = propose(&mesh, &elsewhere, proposal(1)).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let key_areas = async |page_token: &str| {
        let query = wire::ListKeyAreasRequest {
            page_size: 0,
            page_token: page_token.to_owned(),
        };
        answered(mesh.areas().list_key_areas(mesh.purposeful(&one, query)).await)
    };
    assert!(key_areas("").await.unwrap().key_areas.is_empty());
    propose(&mesh, &one, proposal(1)).await.unwrap();
    let other = wire::ProposeKeyAreaRequest {
        division: "370203".to_owned(),
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, other).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    assert_eq!(key_areas("").await.unwrap().key_areas.len(), 1);
    assert_eq!(
        named(&key_areas("x").await.unwrap_err()),
        ["page_token PAGE_TOKEN"]
    );
}
