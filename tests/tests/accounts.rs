//! Disabled and changed accounts, and accounts of the development provider, in both shapes: their sessions and imports
//! end.

#![allow(clippy::unwrap_used, clippy::unused_async)]

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{ImportFactsRequest, ImportOptions};
use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::people::Answer;
use serde_json::Value;
use tokio_stream::StreamExt as _;
use tonic::Request;
use tonic::transport::Endpoint;

/// Within this time after a change of an account, every gateway refuses its sessions.
const END_TIMEOUT: Duration = Duration::from_secs(5);

async fn a_stopped_account_is_out(shape: Shape) {
    let mut mesh = Mesh::start(shape).await;
    an_open_session_ends_with_its_account(&mesh).await;
    a_changed_division_ends_the_session(&mesh).await;
    an_open_import_ends_with_its_feed(&mesh).await;
    accounts_are_listed_and_shown_with_what_was_changed(&mesh);
    a_wrong_account_or_folder_is_refused(&mesh);
    sessions_of_development_are_worth_nothing_without_it(&mut mesh).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process() {
    a_stopped_account_is_out(Shape::OneProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_mesh() {
    a_stopped_account_is_out(Shape::Mesh).await;
}

fn admin(mesh: &Mesh, arguments: &[&str]) -> String {
    let output = mesh.admin(arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

async fn areas(mesh: &Mesh, session: &str) -> Answer {
    let path = "/v1/areas?page_size=1";
    mesh.gateway
        .call(Method::GET, path, Some(session), None)
        .await
        .unwrap()
}

/// Waits until the session has ended; until then it must work.
async fn ends(mesh: &Mesh, session: &str) {
    let changed = Instant::now();
    loop {
        let answer = areas(mesh, session).await;
        if answer.reason() == "SESSION_ENDED" {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            return;
        }
        answer.expect();
        assert!(changed.elapsed() < END_TIMEOUT, "the session goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn an_open_session_ends_with_its_account(mesh: &Mesh) {
    let session = mesh.gateway.session("officer-1").await;
    let other = mesh.gateway.session("officer-2").await;
    areas(mesh, &session).await.expect();
    assert!(admin(mesh, &["disable", "officer-1"]).contains("sessions end"));
    ends(mesh, &session).await;
    areas(mesh, &other).await.expect();
    let refused = mesh.gateway.sign_in("officer-1").await.unwrap_err();
    assert!(refused.contains("ACCOUNT_DISABLED"), "{refused}");
    admin(mesh, &["enable", "officer-1"]);
    let anew = mesh.gateway.session("officer-1").await;
    areas(mesh, &anew).await.expect();
    assert_eq!(areas(mesh, &session).await.reason(), "SESSION_ENDED");
}

async fn a_changed_division_ends_the_session(mesh: &Mesh) {
    let session = mesh.gateway.session("officer-370300").await;
    areas(mesh, &session).await.expect();
    let change = ["change", "officer-370300", "--role", "health-officer"];
    let refused = mesh.admin(&change);
    assert_eq!(refused.status.code(), Some(2), "no division, no province");
    admin(mesh, &[&change[..], &["--division", "370303"]].concat());
    ends(mesh, &session).await;
    // A removed role is also missing in the next session.
    admin(mesh, &["change", "officer-370300", "--role", "rule-author"]);
    let anew = mesh.gateway.session("officer-370300").await;
    assert_eq!(areas(mesh, &anew).await.reason(), "NOT_PERMITTED");
}

async fn an_open_import_ends_with_its_feed(mesh: &Mesh) {
    let session = mesh.gateway.session("cdc-370700").await;
    let options = ImportFactsRequest {
        content: Some(Content::Options(ImportOptions::default())),
    };
    let silent = tokio_stream::once(options).chain(tokio_stream::pending());
    let mut request = Request::new(silent);
    let bearer = format!("Bearer {session}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let channel = Endpoint::from_shared(mesh.gateway.base.clone())
        .unwrap()
        .connect_lazy();
    let import = tokio::spawn(async move { FeedServiceClient::new(channel).import_facts(request).await });
    // Long enough for the import to be open, and shorter than the silence limit of streams.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!import.is_finished());
    admin(mesh, &["disable", "cdc-370700"]);
    let ended = tokio::time::timeout(END_TIMEOUT, import)
        .await
        .expect("the import goes on");
    let refused = ended.unwrap().unwrap_err();
    let fault = lutong_transport::status::to_fault(&refused, "gateway");
    assert_eq!(fault.reason, "SESSION_ENDED", "{refused:?}");
}

fn accounts_are_listed_and_shown_with_what_was_changed(mesh: &Mesh) {
    let listed: Value = serde_json::from_str(&admin(mesh, &["list", "--json"])).unwrap();
    let listed = listed["accounts"].as_array().unwrap();
    let of = |name: &str| listed.iter().find(|one| one["account_id"] == name).unwrap();
    assert_eq!(of("cdc-370700")["disabled"], true);
    assert_eq!(of("supervisor-1")["division"], "370000");
    let shown: Value = serde_json::from_str(&admin(mesh, &["show", "officer-1", "--json"])).unwrap();
    let actions: Vec<_> = shown["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["enabled", "disabled", "added"]);
    let text = admin(mesh, &["show", "supervisor-1"]);
    assert!(text.contains("province-wide"), "{text}");
}

fn a_wrong_account_or_folder_is_refused(mesh: &Mesh) {
    for refused in [
        &["add", "service:CALLER_GATEWAY", "--role", "auditor"][..],
        &["add", "officer-9", "--role", "health-officer"],
        &[
            "add",
            "officer-9",
            "--role",
            "health-officer",
            "--division",
            "370000",
        ],
        &["add", "laboratory-9", "--feed", "laboratory"],
    ] {
        assert_eq!(mesh.admin(refused).status.code(), Some(2), "{refused:?}");
    }
    assert!(!mesh.admin(&["disable", "nobody-9"]).status.success());
    if mesh.shape == Shape::OneProcess {
        let nowhere = mesh.folder.path().join("nowhere");
        let data = nowhere.display().to_string();
        for command in [
            &["admin", "add", "auditor-9", "--role", "auditor"][..],
            &["admin", "list"],
            &["admin", "disable", "officer-1"],
            &["migrate", "identity"],
            &["serve"],
            &["config", "check"],
        ] {
            let output = std::process::Command::new(lutong_tests::process::binary())
                .args(command)
                .args(["--data", &data])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains("--create"));
        }
        assert!(!nowhere.exists(), "nothing was made");
    }
}

async fn sessions_of_development_are_worth_nothing_without_it(mesh: &mut Mesh) {
    let session = mesh.gateway.session("supervisor-1").await;
    let citizen = mesh.gateway.session("wx-1").await;
    let name = match mesh.shape {
        Shape::OneProcess => "lutong",
        Shape::Mesh => "gateway",
    };
    let gateway = mesh.processes.get_mut(name).unwrap();
    gateway.again_with("LUTONG_GATEWAY__DEV", "false");
    mesh.all_ready().await;
    for session in [session, citizen] {
        let refused = areas(mesh, &session).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.reason(), "SESSION_INVALID");
    }
}
