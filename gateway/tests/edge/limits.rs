use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Method, StatusCode};
use lutong_gateway::GatewayConfig;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::policy::Role;
use serde_json::json;
use tonic::{Code, Request};

use crate::mesh::{Mesh, SUBJECT, TURNS, dev, until};

#[tokio::test]
async fn an_account_that_calls_too_often_waits_and_others_do_not() {
    let mesh = Mesh::with(GatewayConfig {
        rate_per_subject: 2,
        ..dev()
    })
    .unwrap();
    let session = mesh.citizen().await;
    let mut last = mesh.get("/v1/code", Some(&session)).await;
    for _ in 0..9 {
        last = mesh.get("/v1/code", Some(&session)).await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(last.body["reason"], "TOO_MANY_CALLS");
    assert_eq!(last.headers["retry-after"], "1");
    assert_eq!(last.body["retry_after_s"], 1);

    let mut request = Request::new(ShowCodeRequest::default());
    let credential = format!("Bearer {session}").parse().unwrap();
    request.metadata_mut().insert("authorization", credential);
    let refused = CodeServiceClient::new(mesh.edge.clone()).show_code(request).await;
    assert_eq!(refused.unwrap_err().code(), Code::ResourceExhausted);

    let other = mesh.session("other", SUBJECT, &[Role::Citizen]).await;
    assert_eq!(mesh.get("/v1/code", Some(&other)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_over_and_over_is_slowed() {
    let mesh = Mesh::with(GatewayConfig {
        rate_sign_in: 1,
        ..dev()
    })
    .unwrap();
    mesh.account("a", "", &[Role::Citizen]);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let body = json!({"account_id": "a"});
        let answered = mesh
            .call(Method::POST, "/v1/dev/sessions", None, Some(body))
            .await;
        statuses.push(answered.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[1], statuses[5]), (200, 200, 429));
}

#[tokio::test]
async fn one_network_has_few_messages_sent_however_many_accounts_ask() {
    let mesh = Mesh::with(GatewayConfig {
        rate_messages: 1,
        ..dev()
    })
    .unwrap();
    let mut reasons = Vec::new();
    for n in 0..6 {
        let session = mesh
            .session(&format!("citizen-{n}"), SUBJECT, &[Role::Citizen])
            .await;
        let body =
            json!({"request_id": "r", "mobile": "13800138000", "purpose": "ONE_TIME_CODE_PURPOSE_APPLY"});
        let answered = mesh
            .call(Method::POST, "/v1/one-time-codes", Some(&session), Some(body))
            .await;
        reasons.push(answered.body["reason"].as_str().unwrap_or_default().to_owned());
    }
    assert_ne!(reasons[1], "TOO_MANY_CALLS");
    assert_eq!(reasons[5], "TOO_MANY_CALLS");
    let session = mesh.session("citizen-7", SUBJECT, &[Role::Citizen]).await;
    assert_eq!(mesh.get("/v1/code", Some(&session)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_full_pool_of_writers_sheds_writers_and_leaves_showing_alone() {
    let mesh = Arc::new(
        Mesh::with(GatewayConfig {
            write_in_flight: 2,
            ..dev()
        })
        .unwrap(),
    );
    let session = mesh.citizen().await;
    // Two people file feedback and the service does not answer.
    let held = mesh.world.filing.acquire_many(TURNS).await;
    let file = |mesh: &Arc<Mesh>| {
        let (mesh, session) = (Arc::clone(mesh), session.clone());
        async move {
            let body = json!({"request_id": "r", "feedback": {"text": "x"}});
            mesh.call(Method::POST, "/v1/complaints", Some(&session), Some(body))
                .await
        }
    };
    let waiting = [tokio::spawn(file(&mesh)), tokio::spawn(file(&mesh))];
    until(|| mesh.world.filed.load(Ordering::SeqCst) == 2).await;

    let shed = file(&mesh).await;
    assert_eq!(shed.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(shed.body["reason"], "OVERLOADED");
    assert!(shed.headers.contains_key("retry-after"));
    assert_eq!(mesh.get("/v1/code", Some(&session)).await.status, StatusCode::OK);

    drop(held);
    for answered in waiting {
        assert_eq!(answered.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(file(&mesh).await.status, StatusCode::OK);
}
