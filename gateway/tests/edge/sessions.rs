use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use lutong_gateway::GatewayConfig;
use lutong_kernel::Timestamp;
use lutong_proto::policy::Role;
use serde_json::json;
use tonic::body::Body;

use crate::mesh::{Mesh, SUBJECT, dev};

#[tokio::test]
async fn a_client_cannot_say_who_it_is() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    // A valid internal token, taken from inside the mesh.
    mesh.get("/v1/code", Some(&session)).await;
    let internal = mesh.world.metadata.lock().unwrap()["lutong-principal"].clone();
    let request = Request::get("/v1/code")
        .header("lutong-principal", internal.clone())
        .body(Body::empty())
        .unwrap();
    let answered = mesh.send(request).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answered.body["reason"], "NOT_SIGNED_IN");
    let request = Request::get("/v1/code")
        .header("authorization", format!("Bearer {}", internal.to_str().unwrap()))
        .body(Body::empty())
        .unwrap();
    assert_eq!(mesh.send(request).await.body["reason"], "SESSION_INVALID");
}

#[tokio::test]
async fn only_the_listed_headers_go_inside() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let request = Request::get("/v1/code")
        .header("authorization", format!("Bearer {session}"))
        .header("cookie", "a=b")
        .header("x-forwarded-for", "192.0.2.1")
        .header("traceparent", TRACE)
        .body(Body::empty())
        .unwrap();
    assert_eq!(mesh.send(request).await.status, StatusCode::OK);
    let metadata = mesh.world.metadata.lock().unwrap().clone();
    assert_eq!(metadata["traceparent"], TRACE);
    for name in ["authorization", "cookie", "x-forwarded-for"] {
        assert!(!metadata.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn without_a_session_one_is_asked_for_and_the_public_needs_none() {
    let mesh = Mesh::new();
    let answered = mesh.get("/v1/code", None).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answered.headers["www-authenticate"], "Bearer");
    assert_eq!(mesh.get("/v1/keys", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_session_is_refused_in_both_languages_even_where_none_is_needed() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    assert_eq!(mesh.get("/v1/code", Some(&session)).await.status, StatusCode::OK);
    mesh.clock.advance(Duration::from_secs(dev().session_ttl_s));
    for path in ["/v1/code", "/v1/keys"] {
        let answered = mesh.get(path, Some(&session)).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answered.body["reason"], "SESSION_EXPIRED");
        assert_eq!(answered.body["detail"], "登录已过期，请重新登录");
        assert_eq!(
            answered.body["message"]["en"],
            "the session has expired: sign in again"
        );
    }
}

#[tokio::test]
async fn a_long_session_goes_on_although_internal_tokens_are_short() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    for _ in 0..40 {
        mesh.clock.advance(Duration::from_secs(250));
        assert_eq!(mesh.get("/v1/code", Some(&session)).await.status, StatusCode::OK);
        assert_eq!(mesh.get("/v1/keys", None).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_account_without_a_person_is_asked_for_again_until_there_is_one() {
    let mesh = Mesh::new();
    let session = mesh.session("new", "", &[Role::Citizen]).await;
    let asked = || mesh.world.asked.load(Ordering::SeqCst);
    assert_eq!(asked(), 1);
    for times in 2..5 {
        let answered = mesh.get("/v1/code", Some(&session)).await;
        assert_eq!(answered.body["reason"], "CODE_NOT_FOUND");
        assert_eq!(asked(), times);
    }
    mesh.get("/v1/keys", Some(&session)).await;
    assert_eq!(asked(), 4, "the public needs nobody to be known");
    mesh.account("new", SUBJECT, &[Role::Citizen]);
    for _ in 0..3 {
        let answered = mesh.get("/v1/code", Some(&session)).await;
        assert_eq!(answered.body["token"], format!("LT1:{SUBJECT}"));
    }
    assert_eq!(asked(), 5, "once known, it is known");
}

#[tokio::test]
async fn while_identity_is_away_nobody_is_told_that_they_have_no_code() {
    let mesh = Mesh::new();
    let session = mesh.session("new", "", &[Role::Citizen]).await;
    mesh.world
        .accounts
        .lock()
        .unwrap()
        .get_mut("new")
        .unwrap()
        .division = "away".to_owned();
    let answered = mesh.get("/v1/code", Some(&session)).await;
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answered.body["metadata"]["part"], "identity");
    assert_eq!(answered.headers["retry-after"], "1");
    // A complaint belongs to the account, so it needs no person.
    let answered = mesh.get("/v1/complaints/SD1", Some(&session)).await;
    assert_eq!(answered.status, StatusCode::OK);
}

#[tokio::test]
async fn a_disabled_account_gets_no_session_and_a_known_one_goes_on_only_as_a_known_person() {
    let mesh = Mesh::new();
    let body = json!({"account_id": "nobody"});
    let answered = mesh
        .call(Method::POST, "/v1/dev/sessions", None, Some(body))
        .await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN);
    assert_eq!(answered.body["reason"], "ACCOUNT_DISABLED");
    let session = mesh.session("new", "", &[Role::Citizen]).await;
    mesh.world.accounts.lock().unwrap().clear();
    let answered = mesh.get("/v1/complaints/SD1", Some(&session)).await;
    assert_eq!(answered.body["reason"], "ACCOUNT_DISABLED");
}

#[tokio::test]
async fn a_session_says_when_it_ends() {
    let mesh = Mesh::with(GatewayConfig {
        session_ttl_s: 3_600,
        ..dev()
    })
    .unwrap();
    mesh.account("a", "", &[Role::Citizen]);
    let body = json!({"account_id": "a"});
    let answered = mesh
        .call(Method::POST, "/v1/dev/sessions", None, Some(body))
        .await;
    let told = Timestamp::parse(answered.body["expire_time"].as_str().unwrap());
    assert_eq!(told, Timestamp::parse("2022-11-26T11:00:00+08:00"));
    let body = json!({"account": "a"});
    let answered = mesh
        .call(Method::POST, "/v1/dev/sessions", None, Some(body))
        .await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_becomes_a_service_by_signing_in() {
    let mesh = Mesh::new();
    let session = mesh.session("x", SUBJECT, &[Role::Service]).await;
    let answered = mesh.get("/v1/code", Some(&session)).await;
    assert_eq!(answered.status, StatusCode::FORBIDDEN, "{}", answered.body);
}

#[tokio::test]
async fn the_development_provider_is_not_there_unless_asked_for_and_refused_off_loopback() {
    let mesh = Mesh::with(GatewayConfig::default()).unwrap();
    let body = json!({"account_id": "a"});
    let answered = mesh
        .call(Method::POST, "/v1/dev/sessions", None, Some(body))
        .await;
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
    let open = GatewayConfig {
        listen: "0.0.0.0:8080".parse().unwrap(),
        ..dev()
    };
    let reason = Mesh::with(open).err().unwrap().to_string();
    assert!(
        reason.starts_with("gateway: ") && reason.contains("loopback"),
        "{reason}"
    );
}
