//! What is listed, what officers place and declare, and tables of listings.

use lutong_kernel::{Clock as _, DivisionCode, Fault, Timestamp};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1::{Colour, Effect};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use lutong_transport::access::Principal;
use tonic::Response;

use crate::areas::{import, notice, redecided, stay};
use crate::mesh::{Mesh, fault, fresh_id, staff, staff_of};

on_both_engines!(
    listings_are_listed_by_division_and_as_they_were_known,
    a_listing_has_a_name_and_is_read_as_it_was_known,
    what_officers_must_place_is_listed_once_while_notices_list_it,
    a_placed_row_turns_those_who_stayed_there_and_is_lifted_with_it,
    a_placement_that_is_wrong_changes_nothing,
    a_table_of_listings_is_imported_once,
    a_table_that_is_wrong_changes_nothing,
    a_key_area_is_listed_once_a_second_officer_approves_and_lifted_by_its_end,
    a_key_area_is_of_its_division_and_waits_in_a_list,
    a_key_area_is_rejected_by_another_and_withdrawn_by_its_own,
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
    let request = mesh.asking(&officer("officer-1"), query);
    answered(mesh.areas().list_areas(request).await)
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
        division: "370200".to_owned(),
        open_only,
        ..wire::ListAreasRequest::default()
    };
    let all = list(&mesh, in_qingdao(false)).await.unwrap();
    // By the code points of their names.
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
    assert_eq!(named(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
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
        named(&refused),
        ["division DIVISION_SHAPE", "known_time TIME_SHAPE"]
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
    assert_eq!(named(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
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
        named(&row("unplaced-areas/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
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
        named(&get("areas/1", None).await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
}

/// Two who stayed in different places, and a row that waits.
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
    // A notice that lists the row still does not lift what was placed of it; one without it does.
    let listed = import(&mesh, notice("2022-11-26 13时", &[REST])).await;
    assert_eq!((listed.lifted, redecided(listed.effect)), (0, 0));
    let lifted = import(&mesh, notice("2022-11-26 14时", &[])).await;
    assert_eq!((lifted.lifted, redecided(lifted.effect)), (1, 1));
    let all = list(&mesh, wire::ListAreasRequest::default()).await.unwrap();
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
        named(&refused),
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
        named(&refused),
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
    // A later table knows both ends.
    let end = "2022-11-25T00:00:00+08:00";
    let ended = table(&[&format!("{LISTED}{end}"), &format!("{WAITS}{end}")]);
    let done = import_table(&mesh, vec![ended]).await.unwrap();
    assert_eq!((done.opened, done.ended, redecided(done.effect)), (0, 2, 2));
    // An earlier one takes no end away.
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
        start_time: Some(stamp("2022-11-25T00:00:00+08:00")),
        end_time: None,
        legal_basis: wire::LegalBasisCode::Picl43.into(),
    }
}

pub async fn propose(
    mesh: &Mesh,
    who: &Principal,
    proposal: wire::ProposeKeyAreaRequest,
) -> Result<wire::KeyArea, Fault> {
    let request = mesh.asking(who, proposal);
    let answer = answered(mesh.key_areas().propose_key_area(request).await)?;
    Ok(answer.key_area.unwrap())
}

pub async fn get(mesh: &Mesh, who: &Principal, name: &str) -> Result<wire::KeyArea, Fault> {
    let request = wire::GetKeyAreaRequest {
        name: name.to_owned(),
    };
    let answer = answered(mesh.key_areas().get_key_area(mesh.asking(who, request)).await)?;
    Ok(answer.key_area.unwrap())
}

pub async fn key_areas(
    mesh: &Mesh,
    who: &Principal,
    request: wire::ListKeyAreasRequest,
) -> Result<(Vec<String>, String), Fault> {
    let answer = answered(mesh.key_areas().list_key_areas(mesh.asking(who, request)).await)?;
    let names = answer.key_areas.into_iter().map(|one| one.name);
    Ok((names.collect(), answer.next_page_token))
}

type Acted = Result<(wire::KeyArea, Option<Effect>), Fault>;

pub async fn act(mesh: &Mesh, who: &Principal, action: &str, name: &str, etag: &str) -> Acted {
    act_as(mesh, who, &fresh_id(), action, (name, etag)).await
}

/// One of the four actions on a key area.
async fn act_as(mesh: &Mesh, who: &Principal, id: &str, action: &str, (name, etag): (&str, &str)) -> Acted {
    let (request_id, name, etag) = (id.to_owned(), name.to_owned(), etag.to_owned());
    let mut client = mesh.key_areas();
    let (area, effect) = match action {
        "approve" => {
            let request = wire::ApproveKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.approve_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, answer.effect)
        }
        "reject" => {
            let request = wire::RejectKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.reject_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, None)
        }
        "withdraw" => {
            let request = wire::WithdrawKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.withdraw_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, None)
        }
        _ => {
            let request = wire::EndKeyAreaRequest {
                request_id,
                name,
                etag,
            };
            let answer = answered(client.end_key_area(mesh.asking(who, request)).await)?;
            (answer.key_area, answer.effect)
        }
    };
    Ok((area.unwrap(), effect))
}

const ACTIONS: [&str; 4] = ["approve", "reject", "withdraw", "end"];

fn reason(acted: Acted) -> String {
    acted.unwrap_err().reason.into_owned()
}

async fn a_key_area_is_listed_once_a_second_officer_approves_and_lifted_by_its_end(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    mesh.stored(vec![stay(1, "甲小区")], &[1]).await;
    let (one, two) = (officer("officer-1"), officer("officer-2"));
    let proposed = propose(&mesh, &one, proposal(1)).await.unwrap();
    assert_eq!(propose(&mesh, &one, proposal(1)).await.unwrap(), proposed);
    let name = &proposed.name;
    assert_eq!(
        (proposed.state(), proposed.area.as_str()),
        (wire::KeyAreaState::Proposed, "")
    );
    assert_eq!(
        reason(act(&mesh, &one, "approve", name, "").await),
        "OWN_PROPOSAL"
    );
    assert_eq!(mesh.shown(1), Some(Colour::Green));
    let id = fresh_id();
    let approve = async || act_as(&mesh, &two, &id, "approve", (name, &proposed.etag)).await;
    let (approved, effect) = approve().await.unwrap();
    assert_eq!(redecided(effect), 1);
    assert_eq!(mesh.shown(1), Some(Colour::Red));
    let approval = approved.approval.clone().unwrap();
    assert_eq!(
        (approval.proposer.as_str(), approval.approver.as_str()),
        ("officer-1", "officer-2")
    );
    assert_eq!(approve().await.unwrap().0, approved);
    // No notice lifts it.
    import(&mesh, notice("2022-11-26 14时", &[])).await;
    let open = wire::ListAreasRequest {
        open_only: true,
        ..wire::ListAreasRequest::default()
    };
    let listed = list(&mesh, open.clone()).await.unwrap();
    assert_eq!(
        (listed.areas[0].level(), &listed.areas[0].name),
        (wire::RiskLevel::Key, &approved.area)
    );
    for action in ["approve", "reject"] {
        assert_eq!(
            reason(act(&mesh, &two, action, name, "").await),
            "WRONG_STATE",
            "{action}"
        );
    }
    for (who, action) in [
        (&two, "approve"),
        (&two, "reject"),
        (&one, "withdraw"),
        (&two, "end"),
    ] {
        let stale = act(&mesh, who, action, name, &proposed.etag).await;
        assert_eq!(reason(stale), "STALE", "{action}");
    }
    // The same listing is not opened twice: ending one would lift the other.
    let same = propose(&mesh, &one, proposal(2)).await.unwrap().name;
    assert_eq!(
        reason(act(&mesh, &two, "approve", &same, "").await),
        "KEY_AREA_LISTED"
    );
    let (ended, effect) = act(&mesh, &one, "end", name, &approved.etag).await.unwrap();
    assert_eq!((ended.state(), redecided(effect)), (wire::KeyAreaState::Ended, 1));
    assert_eq!(ended.approval.unwrap().closer, "officer-1");
    assert!(list(&mesh, open).await.unwrap().areas.is_empty());
    assert_eq!(reason(act(&mesh, &one, "end", name, "").await), "WRONG_STATE");
    act(&mesh, &two, "approve", &same, "").await.unwrap();
}

async fn a_key_area_is_of_its_division_and_waits_in_a_list(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let of = |account: &str, division: &str| staff_of(account, Role::HealthOfficer, division);
    let (one, city, elsewhere) = (
        of("officer-1", "370202"),
        of("officer-2", "370200"),
        of("officer-3", "370100"),
    );
    let mut proposed = Vec::new();
    for n in 1..=3 {
        proposed.insert(0, propose(&mesh, &one, proposal(n)).await.unwrap().name);
        mesh.bed.clock.advance(std::time::Duration::from_secs(60));
    }
    let waiting = wire::ListKeyAreasRequest {
        state: wire::KeyAreaState::Proposed.into(),
        ..wire::ListKeyAreasRequest::default()
    };
    assert_eq!(
        key_areas(&mesh, &city, waiting.clone()).await.unwrap().0,
        proposed
    );
    assert!(
        key_areas(&mesh, &elsewhere, waiting.clone())
            .await
            .unwrap()
            .0
            .is_empty()
    );
    let first = wire::ListKeyAreasRequest {
        page_size: 2,
        ..waiting.clone()
    };
    let (page, token) = key_areas(&mesh, &one, first.clone()).await.unwrap();
    let second = wire::ListKeyAreasRequest {
        page_token: token.clone(),
        ..first
    };
    let (rest, last) = key_areas(&mesh, &one, second).await.unwrap();
    assert_eq!(([page, rest].concat(), last.as_str()), (proposed.clone(), ""));
    let foreign = wire::ListKeyAreasRequest {
        page_token: token,
        ..wire::ListKeyAreasRequest::default()
    };
    let refused = key_areas(&mesh, &one, foreign).await.unwrap_err();
    assert_eq!(named(&refused), ["page_token PAGE_TOKEN_FOREIGN"]);
    let beside = wire::ListKeyAreasRequest {
        division: "370203".to_owned(),
        ..waiting
    };
    let refused = key_areas(&mesh, &one, beside).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let (nobodys, theirs) = (format!("key-areas/{}", request_id(99)), &proposed[0]);
    let refused = get(&mesh, &elsewhere, theirs).await.unwrap_err();
    assert_eq!(refused.reason, "KEY_AREA_NOT_FOUND");
    assert_eq!(refused, get(&mesh, &elsewhere, &nobodys).await.unwrap_err());
    assert_eq!(
        named(&get(&mesh, &one, "key-areas/1").await.unwrap_err()),
        ["name NAME_SHAPE"]
    );
    for action in ACTIONS {
        assert_eq!(
            reason(act(&mesh, &elsewhere, action, theirs, "").await),
            "KEY_AREA_NOT_FOUND"
        );
        let refused = act(&mesh, &one, action, "key-areas/1", "").await.unwrap_err();
        assert_eq!(named(&refused), ["name NAME_SHAPE"]);
    }
}

async fn a_key_area_is_rejected_by_another_and_withdrawn_by_its_own(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let (one, two) = (officer("officer-1"), officer("officer-2"));
    let first = propose(&mesh, &one, proposal(1)).await.unwrap().name;
    let second = propose(&mesh, &one, proposal(2)).await.unwrap().name;
    assert_eq!(
        reason(act(&mesh, &one, "reject", &first, "").await),
        "OWN_PROPOSAL"
    );
    assert_eq!(
        reason(act(&mesh, &two, "withdraw", &first, "").await),
        "NOT_YOUR_PROPOSAL"
    );
    for (who, action, name, state) in [
        (&two, "reject", &first, wire::KeyAreaState::Rejected),
        (&one, "withdraw", &second, wire::KeyAreaState::Withdrawn),
    ] {
        let id = fresh_id();
        let (closed, _) = act_as(&mesh, who, &id, action, (name, "")).await.unwrap();
        assert_eq!(closed.state(), state);
        assert_eq!(
            act_as(&mesh, who, &id, action, (name, "")).await.unwrap().0,
            closed
        );
        let other = act_as(&mesh, who, &id, action, (name, "x")).await;
        assert_eq!(reason(other), "REQUEST_ID_REUSED");
        assert_eq!(reason(act(&mesh, who, action, name, "").await), "WRONG_STATE");
    }
    let third = propose(&mesh, &one, proposal(3)).await.unwrap().name;
    for (who, action) in [(&two, "approve"), (&one, "end")] {
        let id = fresh_id();
        act_as(&mesh, who, &id, action, (&third, "")).await.unwrap();
        let other = act_as(&mesh, who, &id, action, (&first, "")).await;
        assert_eq!(reason(other), "REQUEST_ID_REUSED");
    }
}

async fn a_proposal_that_is_wrong_is_not_stored(bed: Bed) {
    let mesh = Mesh::start(bed).await;
    let one = officer("officer-1");
    let wrong = wire::ProposeKeyAreaRequest {
        division: "37".to_owned(),
        start_time: None,
        legal_basis: 0,
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(
        named(&refused),
        [
            "division DIVISION_SHAPE",
            "start_time MISSING",
            "legal_basis MISSING"
        ]
    );
    let wrong = wire::ProposeKeyAreaRequest {
        end_time: Some(stamp("2022-11-24T00:00:00+08:00")),
        legal_basis: wire::LegalBasisCode::Erl49.into(),
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, wrong).await.unwrap_err();
    assert_eq!(
        named(&refused),
        ["end_time END_BEFORE_START", "legal_basis LEGAL_BASIS"]
    );
    let elsewhere = staff_of("officer-3", Role::HealthOfficer, "370100");
    let refused = propose(&mesh, &elsewhere, proposal(1)).await.unwrap_err();
    assert_eq!(refused.reason, "OUTSIDE_DIVISION");
    let all = wire::ListKeyAreasRequest::default;
    assert!(key_areas(&mesh, &one, all()).await.unwrap().0.is_empty());
    propose(&mesh, &one, proposal(1)).await.unwrap();
    let other = wire::ProposeKeyAreaRequest {
        division: "370203".to_owned(),
        ..proposal(1)
    };
    let refused = propose(&mesh, &one, other).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    assert_eq!(key_areas(&mesh, &one, all()).await.unwrap().0.len(), 1);
}
