//! Devices of checkpoints sign in with a credential, and are doors of their district for a short time.

use std::time::Duration;

use http::{Method, StatusCode};
use lutong_gateway::GatewayConfig;
use lutong_proto::policy::Role;
use serde_json::{Value, json};

use crate::mesh::{Mesh, SUBJECT, dev};

const SESSIONS: &str = "/v1/devices/sessions";

async fn sign_in(mesh: &Mesh, body: Value) -> crate::mesh::Answered {
    mesh.call(Method::POST, SESSIONS, None, Some(body)).await
}

async fn session(mesh: &Mesh) -> String {
    let answered = sign_in(mesh, json!({"credential": "good"})).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    answered.body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_device_takes_its_credential_for_a_short_session_and_the_next_credential() {
    let mesh = Mesh::new();
    let answered = sign_in(&mesh, json!({"credential": "good"})).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    assert_eq!(answered.headers["cache-control"], "no-store");
    assert_eq!(answered.body["credential"], "next");
    assert_eq!(answered.body["expire_time"], "2022-11-26T10:15:00+08:00");
    let session = answered.body["token"].as_str().unwrap();
    let heartbeat = "/v1/checkpoint-devices/me:heartbeat";
    let called = mesh.call(Method::POST, heartbeat, Some(session), None).await;
    assert_eq!(called.body["checkpoint"], format!("device:{SUBJECT}"));
    let verify = json!({"token": "LT1:x"});
    let verified = mesh
        .call(Method::POST, "/v1/tokens:verify", Some(session), Some(verify))
        .await;
    assert_eq!(verified.status, StatusCode::OK, "{}", verified.body);
    // It is a door, and neither a person nor staff.
    let shown = mesh.get("/v1/code", Some(session)).await;
    assert_eq!(shown.body["reason"], "NOT_PERMITTED");
    mesh.clock.advance(Duration::from_secs(899));
    assert_eq!(
        mesh.call(Method::POST, heartbeat, Some(session), None)
            .await
            .status,
        StatusCode::OK
    );
    mesh.clock.advance(Duration::from_secs(1));
    let over = mesh.call(Method::POST, heartbeat, Some(session), None).await;
    assert_eq!(
        (over.status, &over.body["reason"]),
        (StatusCode::UNAUTHORIZED, &json!("SESSION_EXPIRED"))
    );
}

#[tokio::test]
async fn whoever_has_no_credential_gets_no_session() {
    let mesh = Mesh::new();
    for (credential, status, reason) in [
        ("guessed", StatusCode::UNAUTHORIZED, "CREDENTIAL_INVALID"),
        ("ended", StatusCode::FORBIDDEN, "DEVICE_ENDED"),
    ] {
        let refused = sign_in(&mesh, json!({"credential": credential})).await;
        assert_eq!(
            (refused.status, &refused.body["reason"]),
            (status, &json!(reason))
        );
        assert!(refused.body.get("token").is_none());
    }
    for wrong in [
        json!({}),
        json!({"credential": ""}),
        json!({"credential": 1}),
        json!({"credential": "x".repeat(201)}),
        json!({"credential": "good", "account_id": "x"}),
    ] {
        let refused = sign_in(&mesh, wrong.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(refused.body["reason"], "INVALID_FIELDS");
    }
    let read = mesh.get(SESSIONS, None).await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn devices_sign_in_where_nobody_else_can_and_nobody_names_their_accounts() {
    let config = GatewayConfig { dev: false, ..dev() };
    let mesh = Mesh::with(config).unwrap();
    session(&mesh).await;
    let mesh = Mesh::new();
    mesh.account("door-1", "", &[Role::Checkpoint]);
    let named = json!({"account_id": format!("device:{SUBJECT}")});
    let refused = mesh
        .call(Method::POST, "/v1/dev/sessions", None, Some(named))
        .await;
    assert_eq!(refused.body["errors"][0]["reason"], "ACCOUNT_ID_RESERVED");
}
