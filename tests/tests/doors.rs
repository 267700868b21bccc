//! Doors in both shapes: a device signs in, reports a red code and is seen by its district; and no report that was acknowledged is lost
//! or counted twice, whatever is killed meanwhile. Rounds of kills: `LUTONG_TEST_ROUNDS`, default 6.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::{Method, StatusCode};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::door_report_service_client::DoorReportServiceClient;
use lutong_tests::in_both_shapes;
use lutong_tests::instants::now;
use lutong_tests::mesh::{Mesh, Setting, Shape};
use lutong_tests::people::{Answer, Gateway, Person, request_id};
use serde_json::{Value, json};

in_both_shapes!(
    a_device_signs_in_reports_and_its_district_takes_the_report,
    a_credential_that_was_copied_is_found_out_and_the_device_is_out,
    a_report_is_on_the_officers_stream_at_once,
    a_list_over_json_waits_for_a_report,
    who_was_signed_in_at_the_device_is_on_the_report,
);

const OFFICER: &str = "officer-1";

async fn post(gateway: &Gateway, path: &str, session: Option<&str>, body: Value) -> Answer {
    let answered = gateway.call(Method::POST, path, session, Some(body));
    answered.await.unwrap()
}

async fn get(gateway: &Gateway, path: &str, session: &str) -> Answer {
    let answered = gateway.call(Method::GET, path, Some(session), None);
    answered.await.unwrap()
}

/// A device at a new checkpoint in 370202.
struct Device {
    name: String,
    checkpoint: String,
    session: String,
    credential: String,
}

async fn registered(gateway: &Gateway, officer: &str) -> (String, Value) {
    let new = json!({
        "request_id": request_id(), "kind": "CHECKPOINT_KIND_HOSPITAL", "division": "370202", "place_name": "市立医院东门",
    });
    let made = post(gateway, "/v1/checkpoints", Some(officer), new)
        .await
        .expect();
    let checkpoint = made["checkpoint"]["name"].as_str().unwrap().to_owned();
    let new = json!({"request_id": request_id(), "checkpoint": checkpoint, "label": "东门1号"});
    let added = post(gateway, "/v1/checkpoint-devices", Some(officer), new).await;
    (checkpoint, added.expect())
}

async fn sign_in(gateway: &Gateway, credential: &str) -> Answer {
    post(
        gateway,
        "/v1/devices/sessions",
        None,
        json!({"credential": credential}),
    )
    .await
}

async fn device(gateway: &Gateway, officer: &str) -> Device {
    let (checkpoint, added) = registered(gateway, officer).await;
    let session = sign_in(gateway, added["credential"].as_str().unwrap())
        .await
        .expect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Device {
        name: text(&added["checkpoint_device"]["name"]),
        checkpoint,
        session: text(&session["token"]),
        credential: text(&session["credential"]),
    }
}

/// Somebody who met a confirmed patient.
async fn red(gateway: &Gateway) -> Person {
    let person = gateway.person().await;
    let mut form = person.form();
    let yesterday = now().local_day().plus_days(-1).to_string();
    form["contact_history"] = json!([{"contact_date": yesterday, "type": "CONTACT_TYPE_KNOWN_CASE_CONTACT"}]);
    person.apply_with(form).await.expect();
    person.becomes("red").await;
    person
}

async fn token(person: &Person) -> String {
    let shown = person.get("/v1/code").await.expect();
    shown["token"].as_str().unwrap().to_owned()
}

async fn a_device_signs_in_reports_and_its_district_takes_the_report(mesh: &Mesh) {
    let gateway = &mesh.gateway;
    let officer = gateway.session(OFFICER).await;
    let device = device(gateway, &officer).await;
    let heartbeat = post(
        gateway,
        "/v1/checkpoint-devices/me:heartbeat",
        Some(&device.session),
        json!({}),
    );
    assert_eq!(heartbeat.await.expect()["checkpoint"], json!(device.checkpoint));
    // What the door scans: outcome, colour, mask.
    let person = red(gateway).await;
    let shown = token(&person).await;
    let verify = json!({"token": shown});
    let verified = post(gateway, "/v1/tokens:verify", Some(&device.session), verify)
        .await
        .expect();
    let mut members: Vec<_> = verified.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["colour", "message", "name_mask", "outcome", "verify_time"]
    );
    let scan = json!({"request_id": request_id(), "token": shown});
    let reported = post(gateway, "/v1/door-reports", Some(&device.session), scan.clone())
        .await
        .expect();
    let mut members: Vec<_> = reported.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["name", "state"]);
    let name = reported["name"].as_str().unwrap();
    // The district takes it.
    let path = format!("/v1/{name}:acknowledge");
    let taken = post(
        gateway,
        &path,
        Some(&officer),
        json!({"request_id": request_id()}),
    )
    .await;
    assert_eq!(
        taken.expect()["door_report"]["state"],
        "DOOR_REPORT_STATE_ACKNOWLEDGED"
    );
    let inspect = format!("/v1/{name}:inspect?purpose.code=PURPOSE_CODE_MANAGEMENT");
    let inspected = get(gateway, &inspect, &officer).await.expect();
    assert!(inspected["subject_id"].as_str().is_some_and(|id| id.len() == 36));
    // The person sees that somebody looked.
    let started = Instant::now();
    loop {
        let lookups = person.get("/v1/subjects/me/lookups").await.expect();
        let classes = &lookups["lookups"][0]["classes"];
        if *classes == json!(["DATA_CLASS_DOOR_REPORTS"]) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{lookups}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Another district sees nothing, and the door itself reads nothing.
    let stranger = gateway.session("officer-370300").await;
    let path = format!("/v1/{name}");
    assert_eq!(
        get(gateway, &path, &stranger).await.reason(),
        "DOOR_REPORT_NOT_FOUND"
    );
    assert_eq!(
        get(gateway, &path, &device.session).await.reason(),
        "NOT_PERMITTED"
    );
    assert_eq!(
        get(gateway, &path, &person.session).await.reason(),
        "NOT_PERMITTED"
    );
    // The account of a device cannot be named at a sign-in.
    let account = device.name.replace("checkpoint-devices/", "device:");
    let named = post(gateway, "/v1/dev/sessions", None, json!({"account_id": account})).await;
    assert_eq!(named.violations(), ["account_id ACCOUNT_ID_RESERVED"]);
    // An ended device is out at once, whatever its session says.
    let path = format!("/v1/{}:end", device.name);
    post(
        gateway,
        &path,
        Some(&officer),
        json!({"request_id": request_id()}),
    )
    .await
    .expect();
    let scan = post(gateway, "/v1/door-reports", Some(&device.session), scan).await;
    assert_eq!(
        (scan.status, scan.reason()),
        (StatusCode::FORBIDDEN, "DEVICE_ENDED")
    );
    let verify = json!({"token": token(&person).await});
    let verified = post(gateway, "/v1/tokens:verify", Some(&device.session), verify).await;
    assert_eq!(verified.reason(), "DEVICE_ENDED");
    assert_eq!(
        sign_in(gateway, &device.credential).await.reason(),
        "DEVICE_ENDED"
    );
}

async fn a_credential_that_was_copied_is_found_out_and_the_device_is_out(mesh: &Mesh) {
    let gateway = &mesh.gateway;
    let officer = gateway.session(OFFICER).await;
    let (checkpoint, added) = registered(gateway, &officer).await;
    let first = added["credential"].as_str().unwrap();
    let second = sign_in(gateway, first).await.expect()["credential"].clone();
    // The answer was lost: the first is good again.
    let again = sign_in(gateway, first).await.expect()["credential"].clone();
    sign_in(gateway, again.as_str().unwrap()).await.expect();
    let copied = sign_in(gateway, second.as_str().unwrap()).await;
    assert_eq!(
        (copied.status, copied.reason()),
        (StatusCode::FORBIDDEN, "DEVICE_ENDED")
    );
    let path = format!("/v1/checkpoint-devices?checkpoint={checkpoint}");
    let listed = get(gateway, &path, &officer).await.expect();
    assert_eq!(
        listed["checkpoint_devices"][0]["end_reason"],
        "CHECKPOINT_DEVICE_END_REASON_CREDENTIAL_REUSED"
    );
    let guessed = sign_in(gateway, "LTD1.AAAA").await;
    assert_eq!(
        (guessed.status, guessed.reason()),
        (StatusCode::UNAUTHORIZED, "CREDENTIAL_INVALID")
    );
}

async fn a_report_is_on_the_officers_stream_at_once(mesh: &Mesh) {
    let gateway = &mesh.gateway;
    let officer = gateway.session(OFFICER).await;
    let device = device(gateway, &officer).await;
    let shown = token(&red(gateway).await).await;
    let channel = tonic::transport::Endpoint::from_shared(gateway.base.clone()).unwrap();
    let mut client = DoorReportServiceClient::new(channel.connect().await.unwrap());
    let mut request = tonic::Request::new(wire::WatchDoorReportsRequest::default());
    let bearer = format!("Bearer {officer}");
    request
        .metadata_mut()
        .insert("authorization", bearer.parse().unwrap());
    let mut stream = client.watch_door_reports(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().unwrap().door_report.is_none());
    let scan = json!({"request_id": request_id(), "token": shown});
    let sent = Instant::now();
    let reported = post(gateway, "/v1/door-reports", Some(&device.session), scan);
    let shown = async {
        loop {
            let message = stream.message().await.unwrap().unwrap();
            if let Some(report) = message.door_report {
                return (report, sent.elapsed());
            }
        }
    };
    let (reported, (report, took)) = tokio::join!(reported, shown);
    assert_eq!(json!(report.name), reported.expect()["name"]);
    // Far below the interval of polling: the commit has woken the stream.
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

/// A report that was sent.
#[derive(Debug, Clone)]
struct SentReport {
    person: usize,
    body: Value,
    /// Its name, once it was acknowledged.
    name: Option<String>,
}

fn rounds() -> usize {
    std::env::var("LUTONG_TEST_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(6)
}

/// Sends reports of everybody, again and again, while a process is killed.
async fn report_all(gateway: &Gateway, session: &str, tokens: &[String], sent: &Arc<Mutex<Vec<SentReport>>>) {
    let scanned_at = now().to_rfc3339();
    let each = tokens.iter().enumerate().map(|(person, token)| {
        let scan_time = scanned_at.clone();
        async move {
            for _ in 0..6 {
                let body = json!({"request_id": request_id(), "token": token, "scan_time": scan_time});
                let path = "/v1/door-reports";
                let answer = gateway
                    .call(Method::POST, path, Some(session), Some(body.clone()))
                    .await;
                let name = answer.ok().filter(|answer| answer.status == StatusCode::OK);
                let name = name.map(|answer| answer.body["name"].as_str().unwrap().to_owned());
                sent.lock().unwrap().push(SentReport { person, body, name });
            }
        }
    });
    join_all(each).await;
}

/// What is wrong with the reports that the officer sees, by what was sent and acknowledged.
async fn breaches(gateway: &Gateway, officer: &str, device: &Device, sent: &[SentReport]) -> Vec<String> {
    let mut wrong = Vec::new();
    let path = format!("/v1/door-reports?checkpoint={}&page_size=1000", device.checkpoint);
    let listed = get(gateway, &path, officer).await.expect()["door_reports"].clone();
    let listed = listed.as_array().unwrap();
    let count_of = |name: &str| {
        let found = listed.iter().find(|report| report["name"] == name);
        found.map(|report| report["scan_count"].as_str().unwrap().parse::<usize>().unwrap())
    };
    let people = sent.iter().map(|one| one.person).max().map_or(0, |last| last + 1);
    for person in 0..people {
        let own: Vec<_> = sent.iter().filter(|one| one.person == person).collect();
        let names: std::collections::BTreeSet<_> = own.iter().filter_map(|one| one.name.clone()).collect();
        if names.len() > 1 {
            wrong.push(format!("{person} has several reports: {names:?}"));
        }
        for name in names {
            match count_of(&name) {
                None => wrong.push(format!("{name} was acknowledged and is not there")),
                Some(count) if count != own.len() => {
                    wrong.push(format!("{name} counts {count} of {} scans", own.len()));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

/// Sends again what was not answered, until it is: the same request has its effect once.
async fn settle(gateway: &Gateway, session: &str, sent: &mut [SentReport]) {
    for one in sent.iter_mut() {
        let started = Instant::now();
        loop {
            let (path, body) = ("/v1/door-reports", Some(one.body.clone()));
            if let Ok(answer) = gateway.call(Method::POST, path, Some(session), body).await
                && answer.status == StatusCode::OK
            {
                let name = answer.body["name"].as_str().unwrap().to_owned();
                if let Some(acknowledged) = &one.name {
                    assert_eq!(*acknowledged, name, "sent again it is another report");
                }
                one.name = Some(name);
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{:?}", one.body);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn killed(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    let gateway = mesh.gateway.clone();
    let officer = gateway.session(OFFICER).await;
    let mut died = 0;
    for round in 0..rounds() {
        let device = device(&gateway, &officer).await;
        let mut tokens = Vec::new();
        for _ in 0..3 {
            tokens.push(token(&red(&gateway).await).await);
        }
        let name = match shape {
            Shape::OneProcess => "lutong",
            Shape::Mesh => "code-rendering",
        };
        // At the n-th stored report, or at any moment.
        let failpoint = (round % 3 != 2).then(|| format!("code_rendering.door_reported:{}", 1 + round));
        let process = mesh.processes.get_mut(name).unwrap();
        process.again(failpoint.as_deref());
        mesh.all_ready().await;
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (to, session, all) = (gateway.clone(), device.session.clone(), Arc::clone(&sent));
        let load = tokio::spawn(async move { report_all(&to, &session, &tokens, &all).await });
        tokio::time::sleep(Duration::from_millis(30 + 11 * (round as u64 % 7))).await;
        let process = mesh.processes.get_mut(name).unwrap();
        for _ in 0..100 {
            if failpoint.is_none() || !process.is_running() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        died += usize::from(!process.is_running());
        process.again(None);
        load.await.unwrap();
        mesh.all_ready().await;
        let mut sent = sent.lock().unwrap().clone();
        let acknowledged = sent.iter().filter(|one| one.name.is_some()).count();
        settle(&gateway, &device.session, &mut sent).await;
        let wrong = breaches(&gateway, &officer, &device, &sent).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
        eprintln!(
            "{acknowledged} of {} reports were acknowledged before the end of the round",
            sent.len()
        );
    }
    assert!(died * 2 >= rounds(), "only {died} rounds reached their failpoint");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_report_is_lost_or_counted_twice_when_the_one_process_is_killed() {
    killed(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_report_is_lost_or_counted_twice_when_code_rendering_is_killed() {
    killed(Shape::Mesh).await;
}

/// A build that acknowledges reports that it does not store is caught by the same comparison.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_acknowledged_and_not_stored_is_caught() {
    let setting = Setting {
        environment: vec![("LUTONG_FAILPOINT_BREAK".to_owned(), "unstored-report".to_owned())],
        ..Setting::default()
    };
    let mesh = Mesh::start_with(Shape::OneProcess, setting).await;
    let officer = mesh.gateway.session(OFFICER).await;
    let device = device(&mesh.gateway, &officer).await;
    let tokens = [token(&red(&mesh.gateway).await).await];
    let sent = Arc::new(Mutex::new(Vec::new()));
    report_all(&mesh.gateway, &device.session, &tokens, &sent).await;
    let sent = sent.lock().unwrap().clone();
    let wrong = breaches(&mesh.gateway, &officer, &device, &sent).await;
    assert!(wrong.iter().any(|one| one.contains("is not there")), "{wrong:?}");
}

/// Longer than a call may otherwise take.
async fn a_list_over_json_waits_for_a_report(mesh: &Mesh) {
    let gateway = &mesh.gateway;
    let officer = gateway.session(OFFICER).await;
    let device = device(gateway, &officer).await;
    let token = token(&red(gateway).await).await;
    let listed = get(gateway, "/v1/door-reports", &officer).await.expect();
    let cursor = listed["watch_cursor"].as_str().unwrap();
    let path = format!("/v1/door-reports?cursor={cursor}&wait_s=30&division=370202");
    let began = Instant::now();
    let reporting = async {
        tokio::time::sleep(Duration::from_secs(12)).await;
        let scan = json!({"request_id": request_id(), "token": token});
        post(gateway, "/v1/door-reports", Some(&device.session), scan)
            .await
            .expect()
    };
    let (waited, reported) = tokio::join!(get(gateway, &path, &officer), reporting);
    let waited = waited.expect();
    assert!(began.elapsed() >= Duration::from_secs(12));
    assert_eq!(waited["door_reports"][0]["name"], reported["name"]);
    assert_eq!(waited["door_reports"].as_array().unwrap().len(), 1);
}

async fn who_was_signed_in_at_the_device_is_on_the_report(mesh: &Mesh) {
    let gateway = &mesh.gateway;
    let officer = gateway.session(OFFICER).await;
    let device = device(gateway, &officer).await;
    let token = token(&red(gateway).await).await;
    let shown = post(
        gateway,
        "/v1/staff-sign-in-codes",
        Some(&device.session),
        json!({}),
    )
    .await
    .expect();
    let sent = || json!({"request_id": request_id(), "code": shown["code"]});
    // A citizen, the device itself, and staff without a division are refused.
    let person = gateway.person().await;
    let refused = person.post("/v1/staff-sign-ins", sent()).await;
    assert_eq!(refused.reason(), "NOT_PERMITTED");
    let refused = post(gateway, "/v1/staff-sign-ins", Some(&device.session), sent()).await;
    assert_eq!(refused.reason(), "STAFF_ACCOUNT_NEEDED");
    let nowhere = gateway.session("checkpoint-1").await;
    let refused = post(gateway, "/v1/staff-sign-ins", Some(&nowhere), sent()).await;
    assert_eq!(refused.reason(), "DIVISION_MISSING");
    let doorman = gateway.session("doorman-1").await;
    let signed_in = post(gateway, "/v1/staff-sign-ins", Some(&doorman), sent())
        .await
        .expect();
    let scan = json!({"request_id": request_id(), "token": token});
    let reported = post(gateway, "/v1/door-reports", Some(&device.session), scan)
        .await
        .expect();
    let path = format!("/v1/{}", reported["name"].as_str().unwrap());
    let report = get(gateway, &path, &officer).await.expect();
    assert_eq!(report["door_report"]["staff"], "doorman-1");
    let name = signed_in["staff_sign_in"]["name"].as_str().unwrap();
    let end = json!({"request_id": request_id()});
    let ended = post(gateway, &format!("/v1/{name}:end"), Some(&doorman), end)
        .await
        .expect();
    assert_eq!(ended["staff_sign_in"]["state"], "STAFF_SIGN_IN_STATE_ENDED");
}
