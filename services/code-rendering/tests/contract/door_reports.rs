//! `DoorReportService`: what a door reports, what it learns, and what officers see.

use std::time::Duration;

use lutong_kernel::{Fault, Random as _, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::identity::v1::lookup_service_server::LookupServiceServer;
use lutong_proto::policy::{Caller, DataClass, Role};
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::Colour;
use lutong_testing::lookups::RecordedLookups;
use lutong_testing::{Bed, on_both_engines, rows, tamper};
use tonic::{Request, Streaming};
use types::ClockState;
use wire::door_report_service_client::DoorReportServiceClient;
use wire::{DoorReportOutcome as Outcome, DoorReportState as State};

use crate::bindings::Log;
use crate::doors::{Person, answer, principal, reason, request_id};
use crate::{Codes, build, decision, fault, start, start_with_storage, subject};

on_both_engines!(
    scans_of_a_person_on_a_day_are_one_report,
    a_green_code_is_not_reported_and_nothing_is_stored,
    a_scan_that_cannot_be_is_named,
    a_token_that_was_not_valid_at_the_scan_is_not_reported,
    a_door_without_a_connection_reports_later,
    only_a_device_of_a_checkpoint_reports,
    an_officer_takes_a_report_and_closes_it,
    an_overdue_report_is_seen,
    a_report_is_seen_in_its_district_only,
    reports_are_listed_in_pages_and_filtered,
    what_officers_cannot_ask_is_named,
    whom_a_report_is_about_is_inspected_and_told,
    reports_reach_the_officers_of_the_district_as_they_are_committed,
    a_slow_officer_is_shown_what_stands_and_misses_nothing,
    a_cursor_of_another_log_is_refused,
    what_each_role_sees_of_a_code_is_the_same_on_every_path,
    looking_at_green_codes_changes_no_row,
    whoever_is_red_reports_themself_in_one_call,
    a_self_report_that_cannot_be_is_refused_and_nothing_is_stored,
    a_closed_report_is_kept_for_its_days_and_an_open_one_for_ever,
    a_list_waits_for_what_comes_and_leaves_nothing_out,
    whoever_waits_is_answered_when_the_process_closes,
    calls_that_wait_are_bounded,
    a_cursor_of_a_list_goes_with_no_other_filter,
);

impl Codes {
    /// Person `n` reports themself, or the holder of a subject id, to a division.
    async fn report_self(
        &self,
        (n, holder): (u32, &str),
        id: u32,
        division: &str,
    ) -> Result<wire::CreateSelfReportResponse, Fault> {
        let citizen = lutong_testing::citizen(&format!("wx-{n}"), Some(subject(n)));
        let request = self.0.call_as(&citizen).request(wire::CreateSelfReportRequest {
            request_id: request_id(id),
            subject_id: holder.to_owned(),
            division: division.to_owned(),
        });
        let channel = self.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        answer(
            DoorReportServiceClient::new(channel)
                .create_self_report(request)
                .await,
        )
    }
}

async fn whoever_is_red_reports_themself_in_one_call(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Red, 1)]).await;
    let told = codes.report_self((1, ""), 1, "370202").await.unwrap();
    assert_eq!(told.state(), State::Open);
    assert_eq!(codes.report_self((1, ""), 1, "370202").await.unwrap(), told);
    let officer = codes.officer("370202");
    let seen = officer.door_report(&told.name).await.unwrap();
    assert_eq!(
        (
            seen.checkpoint.as_str(),
            seen.checkpoint_kind(),
            seen.division.as_str()
        ),
        ("", wire::CheckpointKind::Unspecified, "370202")
    );
    assert_eq!(
        (seen.colour(), seen.scan_count, seen.clocks.len()),
        (Colour::Red, 1, 1)
    );
    assert_eq!(officer.all_reports().await, std::slice::from_ref(&seen));
    // Once more on that day it is the same report; in another county it is that county's.
    assert_eq!(codes.report_self((1, ""), 2, "370202").await.unwrap(), told);
    let there = codes.report_self((1, ""), 3, "370203").await.unwrap();
    assert_ne!(there.name, told.name);
    assert_eq!(
        reason(officer.door_report(&there.name).await),
        "DOOR_REPORT_NOT_FOUND"
    );
    let taken = officer.acknowledge(4, &told.name, "").await.unwrap();
    assert_eq!(taken.state(), State::Acknowledged);
}

async fn a_self_report_that_cannot_be_is_refused_and_nothing_is_stored(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Red, 1)])
        .await;
    let refused = codes.report_self((1, ""), 1, "370202").await;
    assert_eq!(reason(refused), "NOT_REPORTABLE");
    let nobody = codes.report_self((3, ""), 2, "370202").await;
    assert_eq!(reason(nobody), "CODE_NOT_FOUND");
    let somebody = subject(2).to_string();
    let of_another = codes.report_self((1, &somebody), 3, "370202").await;
    assert_eq!(reason(of_another), "CODE_NOT_FOUND");
    let city = codes.report_self((2, ""), 4, "370200").await;
    assert_eq!(reason(city), "division DIVISION_ABOVE_COUNTY");
    assert_eq!(rows(&storage, "door_reports").await, 0);
    for (n, county) in [(5, "370202"), (6, "370203"), (7, "370211")] {
        codes.report_self((2, ""), n, county).await.unwrap();
    }
    let fourth = codes.report_self((2, ""), 8, "370212").await;
    assert_eq!(reason(fourth), "TOO_MANY_SELF_REPORTS");
    assert_eq!(
        reason(codes.report_self((2, ""), 5, "370203").await),
        "REQUEST_ID_REUSED"
    );
    assert_eq!(rows(&storage, "door_reports").await, 3);
    // The next day begins anew.
    codes.0.clock.advance(Duration::from_secs(24 * 3_600));
    codes.report_self((2, ""), 9, "370212").await.unwrap();
}

/// A door with a device in the district 370202.
struct Door {
    checkpoint: wire::Checkpoint,
    device: wire::CheckpointDevice,
}

async fn door(codes: &Codes, n: u32, division: &str) -> Door {
    let officer = codes.officer("370000");
    let checkpoint = officer.create_in(n, "台东步行街北口", division).await.unwrap();
    let (device, _) = officer.add(n, &checkpoint.name).await;
    Door { checkpoint, device }
}

impl Door {
    fn of<'a>(&self, codes: &'a Codes) -> Person<'a> {
        codes.device(&self.device)
    }
}

/// The token of a code of this colour.
async fn token(codes: &Codes, n: u32, colour: Colour) -> String {
    codes.apply(vec![decision(n, colour, 1)]).await;
    codes.show(n).await.unwrap().token
}

fn micros(at: Option<&prost_types::Timestamp>) -> i64 {
    time::to_micros(at.unwrap())
}

async fn scans_of_a_person_on_a_day_are_one_report(bed: Bed) {
    let codes = start(bed).await;
    let (here, there) = (door(&codes, 1, "370202").await, door(&codes, 2, "370202").await);
    let yellow = token(&codes, 1, Colour::Yellow).await;
    let reported = here.of(&codes).report(1, &yellow).await.unwrap();
    assert_eq!(reported.state(), State::Open);
    let officer = codes.officer("370202");
    let report = officer.door_report(&reported.name).await.unwrap();
    let now = codes.0.foundation.now();
    assert_eq!(
        (
            report.checkpoint.as_str(),
            report.place_name.as_str(),
            report.division.as_str()
        ),
        (here.checkpoint.name.as_str(), "台东步行街北口", "370202")
    );
    assert_eq!((report.colour(), report.scan_count), (Colour::Yellow, 1));
    assert_eq!(micros(report.scan_time.as_ref()), now.micros());
    let clock = &report.clocks[0];
    assert_eq!(
        (clock.kind.as_str(), clock.state()),
        ("acknowledge", ClockState::Running)
    );
    assert_eq!(micros(clock.due_time.as_ref()), now.plus_seconds(1_800).micros());
    // Sent again it is the same; another scan adds to it, with the colour that is in force then.
    assert_eq!(here.of(&codes).report(1, &yellow).await.unwrap(), reported);
    assert_eq!(
        reason(here.of(&codes).report(1, &format!("{yellow} ")).await),
        "REQUEST_ID_REUSED"
    );
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    codes.0.clock.advance(Duration::from_secs(40));
    let red = codes.show(1).await.unwrap().token;
    assert_eq!(here.of(&codes).report(2, &red).await.unwrap(), reported);
    let report = officer.door_report(&reported.name).await.unwrap();
    assert_eq!((report.colour(), report.scan_count), (Colour::Red, 2));
    assert_eq!(micros(report.scan_time.as_ref()), now.micros());
    assert_eq!(
        micros(report.last_scan_time.as_ref()),
        codes.0.foundation.now().micros()
    );
    // Another door, another person and another day are other reports.
    let at_other_door = there.of(&codes).report(3, &red).await.unwrap();
    let another = token(&codes, 2, Colour::Red).await;
    let of_another = here.of(&codes).report(4, &another).await.unwrap();
    codes.0.clock.advance(Duration::from_secs(12 * 3_600));
    let tomorrow = codes.show(1).await.unwrap().token;
    let tomorrows = here.of(&codes).report(5, &tomorrow).await.unwrap();
    let names = [&reported, &at_other_door, &of_another, &tomorrows].map(|one| one.name.clone());
    let listed = officer.all_reports().await;
    let mut listed: Vec<_> = listed.into_iter().map(|one| one.name).collect();
    listed.sort_unstable();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    // Once it is closed, the next scan of that day is a new one.
    officer.acknowledge(6, &tomorrows.name, "").await.unwrap();
    officer
        .close(7, &tomorrows.name, "", Outcome::Mistaken)
        .await
        .unwrap();
    let next = here.of(&codes).report(8, &tomorrow).await.unwrap();
    assert!(next.name != tomorrows.name && next.state() == State::Open);
}

async fn a_green_code_is_not_reported_and_nothing_is_stored(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    let green = token(&codes, 1, Colour::Green).await;
    assert_eq!(reason(here.of(&codes).report(1, &green).await), "NOT_REPORTABLE");
    // A red token of somebody whose code is green by now.
    let red = token(&codes, 2, Colour::Red).await;
    codes.apply(vec![decision(2, Colour::Green, 2)]).await;
    assert_eq!(reason(here.of(&codes).report(2, &red).await), "NOT_REPORTABLE");
    // A green code that is due to change.
    let due = codes.0.foundation.now().plus_seconds(20);
    let mut changing = decision(3, Colour::Green, 1);
    changing.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![changing]).await;
    let changing = codes.show(3).await.unwrap().token;
    codes.0.clock.set(due);
    assert_eq!(
        reason(here.of(&codes).report(3, &changing).await),
        "CODE_REFRESHING"
    );
    let own = codes.report_self((3, ""), 4, "370202").await;
    assert_eq!(reason(own), "CODE_REFRESHING");
    assert_eq!(rows(&storage, "door_reports").await, 0);
    // The same request is good once the code is not green.
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    here.of(&codes).report(1, &green).await.unwrap();
    assert_eq!(rows(&storage, "door_reports").await, 1);
}

async fn a_scan_that_cannot_be_is_named(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let (here, there) = (door(&codes, 1, "370202").await, door(&codes, 2, "370203").await);
    let red = token(&codes, 1, Colour::Red).await;
    let device = here.of(&codes);
    let now = codes.0.foundation.now();
    let at = async |at: Timestamp| reason(device.report_at(1, &red, Some(at), "").await);
    assert_eq!(at(now.plus_seconds(31)).await, "scan_time SCAN_TIME_AHEAD");
    assert_eq!(
        at(Timestamp::parse("9999-01-01T00:00:00Z").unwrap()).await,
        "scan_time SCAN_TIME_AHEAD"
    );
    assert_eq!(
        at(now.plus_seconds(-72 * 3_600 - 1)).await,
        "scan_time SCAN_TIME_TOO_OLD"
    );
    assert_eq!(
        at(now.plus_seconds(-21 * 86_400)).await,
        "scan_time SCAN_TIME_TOO_OLD"
    );
    let elsewhere = device.report_at(1, &red, None, &there.checkpoint.name).await;
    assert_eq!(reason(elsewhere), "checkpoint CHECKPOINT_DIFFERS");
    let elsewhere = device.report_at(1, &red, None, "checkpoints/1").await;
    assert_eq!(reason(elsewhere), "checkpoint NAME_SHAPE");
    assert_eq!(reason(device.report(1, "").await), "token MISSING");
    assert_eq!(
        reason(device.report(1, &"x".repeat(1_025)).await),
        "token TOO_LONG"
    );
    let without_id = device.request(wire::CreateDoorReportRequest {
        token: red.clone(),
        ..wire::CreateDoorReportRequest::default()
    });
    let without_id = answer(device.reports().create_door_report(without_id).await);
    assert_eq!(reason(without_id), "request_id MISSING");
    assert_eq!(rows(&storage, "door_reports").await, 0);
    device
        .report_at(1, &red, None, &here.checkpoint.name)
        .await
        .unwrap();
}

async fn a_token_that_was_not_valid_at_the_scan_is_not_reported(bed: Bed) {
    use lutong_token::{Algorithm, Claims, Issuer, SigningKey};
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    let red = token(&codes, 1, Colour::Red).await;
    let device = here.of(&codes);
    let refused = async |token: &str, at: Option<Timestamp>| {
        let refused = device.report_at(1, token, at, "").await.unwrap_err();
        assert_eq!(refused.reason, "TOKEN_NOT_VALID");
        let outcome = refused.metadata.iter().find(|(key, _)| key == "outcome");
        outcome.unwrap().1.clone()
    };
    let random = lutong_kernel::random::SeededRandom::new(9);
    let stranger = SigningKey::generate(Algorithm::Ed25519, &random).unwrap();
    let (now, mut id) = (codes.0.foundation.now(), [0; 24]);
    random.fill(&mut id);
    let claims = Claims::dynamic(Issuer::SHANDONG, now, id, lutong_kernel::Colour::Red, None).unwrap();
    assert_eq!(refused(&stranger.sign(&claims).unwrap(), None).await, "WRONG_KEY");
    let mut forged = red.clone().into_bytes();
    let at = forged.len() - 3;
    forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(refused(&forged, None).await, "BAD_SIGNATURE");
    assert_eq!(refused("https://example.org", None).await, "UNREADABLE");
    // Before it was issued, and after its minute.
    assert_eq!(refused(&red, Some(now.plus_seconds(-31))).await, "NOT_YET_VALID");
    codes.0.clock.advance(Duration::from_secs(90));
    assert_eq!(refused(&red, None).await, "EXPIRED");
    // A paper code that was ended before the scan; one that was ended after it is reported.
    codes.0.clock.advance(Duration::from_secs(1));
    let citizen = codes.citizen(1);
    let paper = citizen.create(1).await;
    let paper_token = citizen.token(&paper.name).await;
    codes.0.clock.advance(Duration::from_secs(10));
    citizen.end(&request_id(2), &paper.name).await.unwrap();
    let ended_at = codes.0.foundation.now();
    assert_eq!(refused(&paper_token, None).await, "REVOKED");
    assert_eq!(rows(&storage, "door_reports").await, 0);
    let before = Some(ended_at.plus_seconds(-1));
    device.report_at(1, &paper_token, before, "").await.unwrap();
}

async fn a_door_without_a_connection_reports_later(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202").await;
    let scanned_at = codes.0.foundation.now();
    let first = token(&codes, 1, Colour::Red).await;
    codes.0.clock.advance(Duration::from_secs(100));
    let (later, second) = (codes.0.foundation.now(), codes.show(1).await.unwrap().token);
    codes.0.clock.advance(Duration::from_secs(72 * 3_600 - 100));
    let device = here.of(&codes);
    // In another order than they were scanned.
    let one = device.report_at(1, &second, Some(later), "").await.unwrap();
    let other = device.report_at(2, &first, Some(scanned_at), "").await.unwrap();
    assert_eq!(one, other);
    let report = codes.officer("370202").door_report(&one.name).await.unwrap();
    assert_eq!(report.scan_count, 2);
    assert_eq!(micros(report.scan_time.as_ref()), scanned_at.micros());
    assert_eq!(micros(report.last_scan_time.as_ref()), later.micros());
    let received = codes.0.foundation.now();
    assert_eq!(micros(report.create_time.as_ref()), received.micros());
    // Its clock runs from when it was received.
    assert_eq!(
        micros(report.clocks[0].due_time.as_ref()),
        received.plus_seconds(1_800).micros()
    );
    // Sent again after the bound, the answer is the same.
    codes.0.clock.advance(Duration::from_secs(3_600));
    let again = device.report_at(2, &first, Some(scanned_at), "").await.unwrap();
    assert_eq!(again, other);
    // A paper code whose colour has changed since is reported.
    codes.apply(vec![decision(2, Colour::Green, 1)]).await;
    let citizen = codes.citizen(2);
    let paper = citizen.token(&citizen.create(1).await.name).await;
    codes.apply(vec![decision(2, Colour::Red, 2)]).await;
    device.report(3, &paper).await.unwrap();
}

async fn only_a_device_of_a_checkpoint_reports(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    let red = token(&codes, 1, Colour::Red).await;
    for account in ["door-1", "device:00000000-0000-7000-8000-000000000001"] {
        let other = codes.caller(principal(account, Role::Checkpoint, "370202"));
        assert_eq!(
            reason(other.report(1, &red).await),
            "DEVICE_NOT_REGISTERED",
            "{account}"
        );
    }
    for role in [
        Role::Citizen,
        Role::Hospital,
        Role::HealthOfficer,
        Role::Supervisor,
        Role::CounterStaff,
    ] {
        let other = codes.caller(principal("x", role, "370202"));
        assert_eq!(reason(other.report(1, &red).await), "NOT_PERMITTED", "{role:?}");
    }
    let officer = codes.officer("370202");
    officer.end_device(3, &here.device.name, "").await.unwrap();
    assert_eq!(reason(here.of(&codes).report(1, &red).await), "DEVICE_ENDED");
    assert_eq!(rows(&storage, "door_reports").await, 0);
    // A device reads no report, not even its own.
    let device = here.of(&codes);
    let list = device.reports_of(wire::ListDoorReportsRequest::default()).await;
    assert_eq!(reason(list), "NOT_PERMITTED");
}

async fn an_officer_takes_a_report_and_closes_it(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202").await;
    let red = token(&codes, 1, Colour::Red).await;
    let name = here.of(&codes).report(1, &red).await.unwrap().name;
    let officer = codes.officer("370202");
    let open = officer.door_report(&name).await.unwrap();
    assert_eq!(
        open.allowed_actions().collect::<Vec<_>>(),
        [wire::DoorReportAction::Acknowledge]
    );
    let close = async |n, etag: &str| officer.close(n, &name, etag, Outcome::Transferred).await;
    assert_eq!(reason(close(1, &open.etag).await), "WRONG_STATE");
    assert_eq!(reason(officer.acknowledge(1, &name, "x").await), "STALE");
    codes.0.clock.advance(Duration::from_secs(60));
    let taken = officer.acknowledge(2, &name, &open.etag).await.unwrap();
    assert_eq!(
        (taken.state(), taken.acknowledger.as_str()),
        (State::Acknowledged, "officer-370202")
    );
    assert_eq!(taken.clocks[0].state(), ClockState::Met);
    assert!(taken.clocks[0].late.is_none() && taken.clocks[0].stop_time.is_some());
    // Sent again it is answered alike; another officer is too late.
    assert_eq!(officer.acknowledge(2, &name, &open.etag).await.unwrap(), taken);
    assert_eq!(
        reason(officer.acknowledge(2, &name, "").await),
        "REQUEST_ID_REUSED"
    );
    let city = codes.officer("370200");
    assert_eq!(reason(city.acknowledge(3, &name, &open.etag).await), "STALE");
    let refused = city.acknowledge(4, &name, "").await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    assert!(
        refused
            .metadata
            .contains(&("state".into(), "ACKNOWLEDGED".to_owned()))
    );
    assert_eq!(reason(close(5, &open.etag).await), "STALE");
    let closed = close(6, &taken.etag).await.unwrap();
    assert_eq!(
        (closed.state(), closed.outcome()),
        (State::Closed, Outcome::Transferred)
    );
    assert!(closed.close_time.is_some() && closed.allowed_actions.is_empty());
    assert_eq!(
        (closed.closer.as_str(), closed.acknowledger.as_str()),
        ("officer-370202", "officer-370202")
    );
    assert_eq!(close(6, &taken.etag).await.unwrap(), closed);
    assert_eq!(reason(close(6, "").await), "REQUEST_ID_REUSED");
    assert_eq!(reason(close(7, "").await), "WRONG_STATE");
    assert_eq!(reason(officer.acknowledge(8, &name, "").await), "WRONG_STATE");
    // The door learns the state, and no more.
    let told = here.of(&codes).report(1, &red).await.unwrap();
    assert_eq!((told.name, told.state), (name, State::Closed.into()));
}

async fn an_overdue_report_is_seen(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202").await;
    let red = token(&codes, 1, Colour::Red).await;
    let name = here.of(&codes).report(1, &red).await.unwrap().name;
    let officer = codes.officer("370202");
    let overdue = async || {
        let now = codes.0.foundation.now();
        let message = wire::ListDoorReportsRequest {
            due_before: Some(time::from_micros(now.plus_micros(1).micros())),
            ..wire::ListDoorReportsRequest::default()
        };
        officer.reports_of(message).await.unwrap().door_reports
    };
    codes.0.clock.advance(Duration::from_secs(1_799));
    assert!(overdue().await.is_empty());
    codes.0.clock.advance(Duration::from_secs(1));
    let listed = overdue().await;
    assert_eq!(
        (listed[0].name.as_str(), listed[0].clocks[0].state()),
        (&*name, ClockState::Overdue)
    );
    codes.0.clock.advance(Duration::from_secs(30));
    let taken = officer.acknowledge(2, &name, "").await.unwrap();
    assert_eq!(taken.clocks[0].late.unwrap().seconds, 30);
    assert!(overdue().await.is_empty());
}

async fn a_report_is_seen_in_its_district_only(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202001").await;
    let red = token(&codes, 1, Colour::Red).await;
    let name = here.of(&codes).report(1, &red).await.unwrap().name;
    let nowhere = codes.caller(principal("officer-0", Role::HealthOfficer, ""));
    for (caller, expected) in [
        (codes.officer("370203"), "DOOR_REPORT_NOT_FOUND"),
        (nowhere, "DIVISION_MISSING"),
    ] {
        assert_eq!(reason(caller.door_report(&name).await), expected);
        assert_eq!(reason(caller.acknowledge(1, &name, "").await), expected);
        assert_eq!(
            reason(caller.close(2, &name, "", Outcome::NotFound).await),
            expected
        );
        assert_eq!(reason(inspect(&caller, &name).await), expected);
        let elsewhere = if expected == "DIVISION_MISSING" {
            expected
        } else {
            assert!(caller.all_reports().await.is_empty());
            "OUTSIDE_DIVISION"
        };
        let there = wire::ListDoorReportsRequest {
            division: "370202".to_owned(),
            ..wire::ListDoorReportsRequest::default()
        };
        assert_eq!(reason(caller.reports_of(there).await), elsewhere);
        assert_eq!(reason(watch(&caller, "370202", "").await), elsewhere);
    }
    for above in ["370202001", "370202", "370200", "370000"] {
        let listed = codes.officer(above).all_reports().await;
        assert_eq!(listed.len(), 1, "{above}");
    }
}

async fn reports_are_listed_in_pages_and_filtered(bed: Bed) {
    let codes = start(bed).await;
    let (here, there) = (door(&codes, 1, "370202").await, door(&codes, 2, "370203").await);
    let mut names = Vec::new();
    for n in 1..=5 {
        codes.0.clock.advance(Duration::from_secs(1));
        let red = token(&codes, n, Colour::Red).await;
        let at = if n == 3 { &there } else { &here };
        names.insert(0, at.of(&codes).report(n, &red).await.unwrap().name);
    }
    let city = codes.officer("370200");
    city.acknowledge(1, &names[0], "").await.unwrap();
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = wire::ListDoorReportsRequest {
            page_size: 2,
            page_token,
            ..wire::ListDoorReportsRequest::default()
        };
        let page = city.reports_of(page).await.unwrap();
        listed.extend(page.door_reports.into_iter().map(|report| report.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, names);
    let of = async |message: wire::ListDoorReportsRequest| {
        let found = city.reports_of(message).await.unwrap().door_reports.into_iter();
        found.map(|report| report.name).collect::<Vec<_>>()
    };
    let everything = wire::ListDoorReportsRequest::default;
    let acknowledged = wire::ListDoorReportsRequest {
        state: State::Acknowledged.into(),
        ..everything()
    };
    assert_eq!(of(acknowledged).await, [&*names[0]]);
    let in_district = wire::ListDoorReportsRequest {
        division: "370203".to_owned(),
        ..everything()
    };
    assert_eq!(of(in_district).await, [&*names[2]]);
    let of_door = wire::ListDoorReportsRequest {
        checkpoint: there.checkpoint.name.clone(),
        ..everything()
    };
    assert_eq!(of(of_door).await, [&*names[2]]);
}

async fn what_officers_cannot_ask_is_named(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let name = "door-reports/00000000-0000-7000-8000-000000000001";
    assert_eq!(
        reason(officer.door_report("door-reports/1").await),
        "name NAME_SHAPE"
    );
    assert_eq!(reason(officer.door_report(name).await), "DOOR_REPORT_NOT_FOUND");
    assert_eq!(
        reason(officer.acknowledge(1, "reports/1", "").await),
        "name NAME_SHAPE"
    );
    assert_eq!(
        reason(officer.close(1, name, "", Outcome::Unspecified).await),
        "outcome MISSING"
    );
    assert_eq!(
        reason(officer.acknowledge(1, name, &"x".repeat(65)).await),
        "etag TOO_LONG"
    );
    let without_purpose = officer.request(wire::InspectDoorReportRequest {
        name: name.to_owned(),
        purpose: None,
    });
    let without_purpose = answer(officer.reports().inspect_door_report(without_purpose).await);
    assert_eq!(reason(without_purpose), "purpose MISSING");
    let wrong = wire::ListDoorReportsRequest {
        checkpoint: "checkpoints/1".to_owned(),
        ..wire::ListDoorReportsRequest::default()
    };
    assert_eq!(reason(officer.reports_of(wrong).await), "checkpoint NAME_SHAPE");
}

async fn inspect(officer: &Person<'_>, name: &str) -> Result<wire::InspectDoorReportResponse, Fault> {
    let request = officer.request(wire::InspectDoorReportRequest {
        name: name.to_owned(),
        purpose: Some(types::Purpose {
            code: types::PurposeCode::Management.into(),
            reference: "RW-1".to_owned(),
        }),
    });
    answer(officer.reports().inspect_door_report(request).await)
}

async fn whom_a_report_is_about_is_inspected_and_told(bed: Bed) {
    let ledger = RecordedLookups::default();
    let routes = Log::default().routes();
    let routes = routes.add_service(LookupServiceServer::new(ledger.clone()));
    bed.bind_fake(ServiceName::Identity, routes);
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    let red = token(&codes, 1, Colour::Red).await;
    let name = here.of(&codes).report(1, &red).await.unwrap().name;
    let officer = codes.officer("370202");
    officer.door_report(&name).await.unwrap();
    officer.all_reports().await;
    let shown = inspect(&officer, &name).await.unwrap();
    assert_eq!(shown.subject_id, subject(1).to_string());
    assert_eq!(
        shown.door_report.unwrap(),
        officer.door_report(&name).await.unwrap()
    );
    for _ in 0..200 {
        if !ledger.told().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Only the inspection is a lookup.
    assert_eq!(
        ledger.told(),
        [(subject(1).to_string(), "InspectDoorReport".to_owned())]
    );
    let lookup = ledger.all().remove(0).lookup.unwrap();
    assert_eq!(lookup.classes().collect::<Vec<_>>(), [DataClass::DoorReports]);
    assert_eq!(lookup.division, "370202");
    // What cannot be written down is not shown.
    tamper(&storage, "DROP TABLE lookups_to_deliver").await;
    assert_eq!(reason(inspect(&officer, &name).await), "INTERNAL");
}

type Stream = Streaming<wire::WatchDoorReportsResponse>;

async fn watch(officer: &Person<'_>, division: &str, cursor: &str) -> Result<Stream, Fault> {
    let mut request: Request<_> = officer.request(wire::WatchDoorReportsRequest {
        division: division.to_owned(),
        cursor: cursor.to_owned(),
    });
    request.set_timeout(Duration::from_secs(60));
    let watched = officer.reports().watch_door_reports(request).await;
    watched
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
}

async fn next(stream: &mut Stream) -> wire::WatchDoorReportsResponse {
    let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
    next.unwrap().unwrap().unwrap()
}

async fn reports_reach_the_officers_of_the_district_as_they_are_committed(bed: Bed) {
    let codes = start(bed).await;
    let (here, there) = (door(&codes, 1, "370202").await, door(&codes, 2, "370203").await);
    let officer = codes.officer("370202");
    let red = token(&codes, 1, Colour::Red).await;
    let earlier = here.of(&codes).report(1, &red).await.unwrap().name;
    let mut stream = watch(&officer, "", "").await.unwrap();
    // At once a heartbeat with the place to go on.
    let first = next(&mut stream).await;
    assert!(first.door_report.is_none() && !first.cursor.is_empty());
    // Of another district nothing comes.
    let other = token(&codes, 2, Colour::Red).await;
    there.of(&codes).report(2, &other).await.unwrap();
    let another = token(&codes, 3, Colour::Yellow).await;
    let name = here.of(&codes).report(3, &another).await.unwrap().name;
    let came = next(&mut stream).await;
    let report = came.door_report.unwrap();
    assert_eq!((report.name.as_str(), report.state()), (&*name, State::Open));
    assert_eq!(report, officer.door_report(&name).await.unwrap());
    // A change of an earlier one comes, too.
    officer.acknowledge(4, &earlier, "").await.unwrap();
    let changed = next(&mut stream).await.door_report.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.state()),
        (&*earlier, State::Acknowledged)
    );
    // From a cursor on everything comes that came after it.
    let mut again = watch(&officer, "", &first.cursor).await.unwrap();
    let mut names = Vec::new();
    while names.len() < 2 {
        names.extend(next(&mut again).await.door_report.map(|report| report.name));
    }
    assert_eq!(names, [&*name, &earlier]);
    // A list says where to go on.
    let listed = officer
        .reports_of(wire::ListDoorReportsRequest::default())
        .await
        .unwrap();
    let mut after_list = watch(&officer, "370202", &listed.watch_cursor).await.unwrap();
    assert!(next(&mut after_list).await.door_report.is_none());
    officer.close(5, &earlier, "", Outcome::NotFound).await.unwrap();
    let closed = next(&mut after_list).await.door_report.unwrap();
    assert_eq!((closed.name.as_str(), closed.state()), (&*earlier, State::Closed));
    // Nothing happens: a heartbeat comes in time.
    assert_eq!(next(&mut stream).await.door_report.unwrap().name, earlier);
    assert!(next(&mut stream).await.door_report.is_none());
}

async fn a_slow_officer_is_shown_what_stands_and_misses_nothing(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202").await;
    let officer = codes.officer("370202");
    let mut stream = watch(&officer, "", "").await.unwrap();
    assert!(next(&mut stream).await.door_report.is_none());
    let mut names = Vec::new();
    for n in 1..=150 {
        let red = token(&codes, n, Colour::Red).await;
        names.push(here.of(&codes).report(n, &red).await.unwrap().name);
    }
    officer.acknowledge(1, &names[0], "").await.unwrap();
    // Whatever was not read meanwhile is read now: every report, and the state in which it stands comes last.
    let mut last_states = std::collections::BTreeMap::new();
    while last_states.get(&names[0]) != Some(&State::Acknowledged) || last_states.len() < names.len() {
        if let Some(report) = next(&mut stream).await.door_report {
            last_states.insert(report.name.clone(), report.state());
        }
    }
    assert!(names.iter().all(|name| last_states.contains_key(name)));
}

async fn a_cursor_of_another_log_is_refused(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    let officer = codes.officer("370202");
    let red = token(&codes, 1, Colour::Red).await;
    here.of(&codes).report(1, &red).await.unwrap();
    let listed = officer
        .reports_of(wire::ListDoorReportsRequest::default())
        .await
        .unwrap();
    for foreign in ["x", "AAAA", &listed.watch_cursor[1..]] {
        assert_eq!(
            reason(watch(&officer, "", foreign).await),
            "cursor CURSOR_FOREIGN",
            "{foreign}"
        );
    }
    assert_eq!(
        reason(watch(&officer, "3702", "").await),
        "division DIVISION_SHAPE"
    );
    // The database is one that was restored, and has fewer changes.
    tamper(&storage, "UPDATE door_report_head SET sequence = 0").await;
    assert_eq!(
        reason(watch(&officer, "", &listed.watch_cursor).await),
        "LOG_REPLACED"
    );
    // The database is another one.
    tamper(
        &storage,
        "UPDATE door_report_head SET sequence = 9, log_id = NULL",
    )
    .await;
    let codes = Codes(codes.0.reopened());
    build(&codes.0, &storage).await;
    let officer = codes.officer("370202");
    assert_eq!(
        reason(watch(&officer, "", &listed.watch_cursor).await),
        "LOG_REPLACED"
    );
}

/// Field by field: a door and a hospital learn outcome, colour and mask; everybody else learns nothing from a token.
async fn what_each_role_sees_of_a_code_is_the_same_on_every_path(bed: Bed) {
    let codes = start(bed).await;
    let here = door(&codes, 1, "370202").await;
    let yellow = token(&codes, 1, Colour::Yellow).await;
    let hospital = codes.caller(principal("hospital-1", Role::Hospital, ""));
    for reader in [here.of(&codes), hospital] {
        let wire::VerifyTokenResponse {
            outcome,
            colour,
            name_mask,
            verify_time,
            message,
        } = reader.verify(&yellow).await.unwrap();
        assert_eq!(outcome, i32::from(wire::VerificationOutcome::Valid));
        assert_eq!(colour, Some(Colour::Yellow.into()));
        // Identity is away: there is no mask, and nothing else of the name.
        assert_eq!(name_mask, "");
        assert_eq!(micros(verify_time.as_ref()), codes.0.foundation.now().micros());
        assert_eq!(message.unwrap().en, "valid");
    }
    for role in [
        Role::Citizen,
        Role::Guardian,
        Role::CounterStaff,
        Role::AuthorityFeed,
        Role::HealthOfficer,
        Role::Supervisor,
        Role::Epidemiologist,
        Role::HotlineAgent,
        Role::Auditor,
        Role::Operator,
        Role::Partner,
        Role::Organisation,
        // Not SERVICE: federation verifies as it for a door of another province, and no account has it.
    ] {
        let other = codes.caller(principal("x", role, "370000"));
        assert_eq!(reason(other.verify(&yellow).await), "NOT_PERMITTED", "{role:?}");
    }
    let nobody = codes.caller(lutong_transport::access::Principal::public());
    assert_eq!(reason(nobody.verify(&yellow).await), "NOT_SIGNED_IN");
    // A report tells its door a name and a state; its officers see no person in it.
    let wire::CreateDoorReportResponse { name, state } = here.of(&codes).report(1, &yellow).await.unwrap();
    assert_eq!(state, i32::from(State::Open));
    let report = codes.officer("370202").door_report(&name).await.unwrap();
    let text = format!("{report:?}");
    assert!(
        !text.contains(&subject(1).to_string()) && !text.contains(&yellow),
        "{text}"
    );
}

/// Look-only mode: nothing is stored of a green code that is looked at.
async fn looking_at_green_codes_changes_no_row(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let here = door(&codes, 1, "370202").await;
    codes
        .apply((1..=20).map(|n| decision(n, Colour::Green, 1)).collect())
        .await;
    let mut tokens = Vec::new();
    for n in 1..=20 {
        tokens.push(codes.show(n).await.unwrap().token);
    }
    let device = here.of(&codes);
    device.verify(&tokens[0]).await.unwrap();
    let before = lutong_testing::content(&storage).await;
    assert!(before.len() > 10, "{:?}", before.keys());
    for token in tokens.iter().cycle().take(200) {
        let verified = device.verify(token).await.unwrap();
        assert_eq!(verified.outcome(), wire::VerificationOutcome::Valid);
        assert_eq!(reason(device.report(1, token).await), "NOT_REPORTABLE");
    }
    assert_eq!(lutong_testing::content(&storage).await, before);
    // The comparison sees a row that changes.
    device.heartbeat().await.unwrap();
    let after = lutong_testing::content(&storage).await;
    let changed = before.keys().filter(|table| before[*table] != after[*table]);
    let mut changed: Vec<_> = changed.collect();
    changed.sort_unstable();
    assert_eq!(changed, ["checkpoint_devices", "checkpoints"]);
}

/// A process deletes when it starts, by the clock that it is given.
async fn a_closed_report_is_kept_for_its_days_and_an_open_one_for_ever(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let officer = codes.officer("370202");
    let mut reports = Vec::new();
    for n in 1..=3 {
        let here = door(&codes, n * 10, "370202").await;
        codes.apply(vec![decision(n, Colour::Red, 1)]).await;
        let token = codes.show(n).await.unwrap().token;
        reports.push(here.of(&codes).report(n, &token).await.unwrap().name);
    }
    let [first, second, open] = &reports[..] else {
        panic!("three reports");
    };
    let day = Duration::from_secs(86_400);
    for (n, name) in [(101, first), (102, second)] {
        officer.acknowledge(n, name, "").await.unwrap();
        officer
            .close(n + 10, name, "", Outcome::Transferred)
            .await
            .unwrap();
        codes.0.clock.advance(day);
    }
    // The first one was closed 181 days ago, the second one 180.
    codes.0.clock.advance(179 * day);
    codes.0.kill_background_work();
    build(&codes.0, &storage).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while officer.door_report(first).await.is_ok() && std::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(reason(officer.door_report(first).await), "DOOR_REPORT_NOT_FOUND");
    assert_eq!(officer.door_report(second).await.unwrap().state(), State::Closed);
    assert_eq!(officer.door_report(open).await.unwrap().state(), State::Open);
}

fn waiting(cursor: &str, wait_s: i32) -> wire::ListDoorReportsRequest {
    wire::ListDoorReportsRequest {
        cursor: cursor.to_owned(),
        wait_s,
        ..wire::ListDoorReportsRequest::default()
    }
}

async fn first_cursor(officer: &Person<'_>) -> String {
    let listed = officer.reports_of(wire::ListDoorReportsRequest::default()).await;
    listed.unwrap().watch_cursor
}

fn states(listed: &wire::ListDoorReportsResponse) -> Vec<(String, State)> {
    let all = listed.door_reports.iter();
    all.map(|one| (one.name.clone(), one.state())).collect()
}

async fn a_list_waits_for_what_comes_and_leaves_nothing_out(bed: Bed) {
    let codes = start(bed).await;
    let (here, there) = (door(&codes, 1, "370202").await, door(&codes, 11, "370203").await);
    let (officer, other) = (codes.officer("370202"), codes.officer("370203"));
    codes.apply(vec![decision(1, Colour::Red, 1)]).await;
    let token = codes.show(1).await.unwrap().token;
    let begun = first_cursor(&officer).await;
    // Nothing has changed: without waiting, and with.
    let nothing = officer.reports_of(waiting(&begun, 0)).await.unwrap();
    assert_eq!(states(&nothing), []);
    let before = std::time::Instant::now();
    officer.reports_of(waiting(&begun, 1)).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(1), "it waited");
    // The answer comes with the report, and not with one of another district.
    let device = here.of(&codes);
    let reporting = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        there.of(&codes).report(1, &token).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        device.report(2, &token).await.unwrap().name
    };
    let before = std::time::Instant::now();
    let (answered, name) = tokio::join!(officer.reports_of(waiting(&begun, 30)), reporting);
    let answered = answered.unwrap();
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(states(&answered), [(name.clone(), State::Open)]);
    assert_eq!(answered.next_page_token, "");
    // What changes between two calls is in the next one, once and as it stands.
    officer.acknowledge(3, &name, "").await.unwrap();
    officer.close(4, &name, "", Outcome::Mistaken).await.unwrap();
    let next = officer
        .reports_of(waiting(&answered.watch_cursor, 30))
        .await
        .unwrap();
    assert_eq!(states(&next), [(name.clone(), State::Closed)]);
    let last = officer.reports_of(waiting(&next.watch_cursor, 0)).await.unwrap();
    assert_eq!(states(&last), []);
    // From the beginning, for the other district.
    let theirs = other.reports_of(waiting(&begun, 0)).await.unwrap();
    assert_eq!(theirs.door_reports.len(), 1);
    assert_ne!(theirs.door_reports[0].name, name);
    // One at a time, a page leaves nothing out.
    let again = device.report(5, &token).await.unwrap().name;
    let mut cursor = begun;
    let mut seen = Vec::new();
    loop {
        let page = wire::ListDoorReportsRequest {
            page_size: 1,
            ..waiting(&cursor, 0)
        };
        let page = officer.reports_of(page).await.unwrap();
        if page.door_reports.is_empty() {
            break;
        }
        seen.extend(states(&page));
        cursor = page.watch_cursor;
    }
    assert_eq!(seen, [(name, State::Closed), (again, State::Open)]);
}

async fn whoever_waits_is_answered_when_the_process_closes(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let cursor = first_cursor(&officer).await;
    let closing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        codes.0.foundation.closing.cancel();
    };
    let before = std::time::Instant::now();
    let (answered, ()) = tokio::join!(officer.reports_of(waiting(&cursor, 30)), closing);
    assert_eq!(states(&answered.unwrap()), []);
    assert!(
        before.elapsed() < Duration::from_secs(15),
        "{:?}",
        before.elapsed()
    );
}

async fn calls_that_wait_are_bounded(bed: Bed) {
    let codes = start(bed).await;
    let officer = codes.officer("370202");
    let cursor = first_cursor(&officer).await;
    let calls = (0..80).map(|_| officer.reports_of(waiting(&cursor, 3)));
    let answers = futures::future::join_all(calls).await;
    let refused: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert_eq!(refused.len(), 80 - 64);
    assert!(refused.iter().all(|fault| fault.reason == "TOO_MANY_WAITING"));
    assert!(refused[0].retry_after.is_some());
    // Whoever does not wait needs no place, and the places are free again.
    officer.reports_of(waiting(&cursor, 0)).await.unwrap();
    officer.reports_of(waiting(&cursor, 1)).await.unwrap();
}

async fn a_cursor_of_a_list_goes_with_no_other_filter(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let officer = codes.officer("370202");
    let cursor = first_cursor(&officer).await;
    let asked = async |message| reason(officer.reports_of(message).await);
    let with = |change: fn(&mut wire::ListDoorReportsRequest)| {
        let mut message = waiting(&cursor, 1);
        change(&mut message);
        message
    };
    assert_eq!(
        asked(with(|one| one.cursor.clear())).await,
        "cursor CURSOR_MISSING"
    );
    assert_eq!(
        asked(with(|one| "x".clone_into(&mut one.cursor))).await,
        "cursor CURSOR_FOREIGN"
    );
    assert_eq!(asked(with(|one| one.wait_s = 31)).await, "wait_s OUT_OF_RANGE");
    assert_eq!(asked(with(|one| one.wait_s = -1)).await, "wait_s OUT_OF_RANGE");
    assert_eq!(
        asked(with(|one| one.set_state(State::Open))).await,
        "state CURSOR_ALONE"
    );
    let due = with(|one| one.due_before = Some(time::from_micros(1)));
    assert_eq!(asked(due).await, "due_before CURSOR_ALONE");
    let here = door(&codes, 1, "370202").await;
    codes.apply(vec![decision(1, Colour::Red, 1)]).await;
    let token = codes.show(1).await.unwrap().token;
    here.of(&codes).report(9, &token).await.unwrap();
    let later = first_cursor(&officer).await;
    let of_door = wire::ListDoorReportsRequest {
        checkpoint: here.checkpoint.name,
        ..waiting(&cursor, 0)
    };
    assert_eq!(asked(of_door).await, "checkpoint CURSOR_ALONE");
    let elsewhere = with(|one| "370203".clone_into(&mut one.division));
    assert_eq!(asked(elsewhere).await, "OUTSIDE_DIVISION");
    // The database is one that was restored, and has fewer changes.
    tamper(&storage, "UPDATE door_report_head SET sequence = 0").await;
    assert_eq!(asked(waiting(&later, 0)).await, "LOG_REPLACED");
}
