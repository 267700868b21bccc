//! The session cookie: where it is accepted, and what a page of another site cannot do with it (CSRF).

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lutong_gateway::GatewayConfig;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::policy::Role;
use lutong_transport::status::to_fault;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::browser::{Browser, CROSS_SITE, HERE, Page, SAME_ORIGIN};
use crate::mesh::{Mesh, SUBJECT, dev};

const COMPLAINTS: &str = "/v1/complaints";

fn complaint() -> Value {
    json!({"request_id": "r", "feedback": {"text": "x"}})
}

fn filed(mesh: &Mesh) -> usize {
    mesh.world.filed.load(Ordering::SeqCst)
}

fn assert_refused(page: &Page, status: StatusCode, reason: &str) {
    assert_eq!(page.reason(), reason, "{}", page.text);
    assert_eq!(page.status, status);
}

#[tokio::test]
async fn a_browser_reads_with_its_cookie_alone_and_changes_with_its_token() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let shown = browser.get("/v1/code").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    assert_eq!(shown.json()["token"], format!("LT1:{SUBJECT}"));
    let token = browser.csrf_token().await;
    for headers in [
        &[("x-csrf-token", &*token), SAME_ORIGIN[0]][..],
        &[("x-csrf-token", &token), ("origin", &format!("http://{HERE}"))],
        // A browser from before 2020 without either header, or a client that is not a browser.
        &[("x-csrf-token", &token)],
    ] {
        let answered = browser.post_json(COMPLAINTS, &complaint(), headers).await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    }
    assert_eq!(filed(&mesh), 3);
    let metadata = mesh.world.metadata.lock().unwrap().clone();
    for name in ["cookie", "x-csrf-token", "origin"] {
        assert!(!metadata.contains_key(name), "{name} went inside");
    }
}

#[tokio::test]
async fn a_change_by_cookie_without_the_sessions_own_token_reaches_nobody() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let own = browser.csrf_token().await;
    mesh.account("other", SUBJECT, &[Role::Citizen]);
    let mut other = Browser::new(&mesh);
    other.sign_in("other", "/sign-in").await;
    let others = other.csrf_token().await;
    assert_ne!(own, others);
    let longer = format!("{own}A");
    for (tokens, reason) in [
        (&[][..], "CSRF_TOKEN_MISSING"),
        (&[""], "CSRF_TOKEN_MISSING"),
        (&["x"], "CSRF_TOKEN_WRONG"),
        (&[&*others], "CSRF_TOKEN_WRONG"),
        (&[&*longer], "CSRF_TOKEN_WRONG"),
        (&[&own[1..]], "CSRF_TOKEN_WRONG"),
        (&[&*own, "x"], "CSRF_TOKEN_WRONG"),
    ] {
        let mut headers = SAME_ORIGIN.to_vec();
        headers.extend(tokens.iter().map(|token| ("x-csrf-token", *token)));
        let refused = browser.post_json(COMPLAINTS, &complaint(), &headers).await;
        assert_refused(&refused, StatusCode::FORBIDDEN, reason);
        assert_eq!(refused.json()["code"], "PERMISSION_DENIED");
        let texts = &refused.json()["message"];
        assert!(texts["zh"].as_str().unwrap().contains("令牌") && texts["en"].is_string());
    }
    assert_eq!(filed(&mesh), 0);
    // The token is accepted in the header only: in a URL it would end up in histories and logs.
    let path = format!("{COMPLAINTS}?csrf_token={own}");
    let refused = browser.post_json(&path, &complaint(), &SAME_ORIGIN).await;
    assert_refused(&refused, StatusCode::FORBIDDEN, "CSRF_TOKEN_MISSING");
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_even_with_the_token() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let token = browser.csrf_token().await;
    for site in [
        &CROSS_SITE[..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:8081")],
    ] {
        let headers = [site, &[("x-csrf-token", &token)]].concat();
        let refused = browser.post_json(COMPLAINTS, &complaint(), &headers).await;
        assert_refused(&refused, StatusCode::FORBIDDEN, "CROSS_SITE");
    }
    // What a form of another site can send without a CORS preflight: another content type than JSON, or no body.
    let plain = [&CROSS_SITE[..], &[("content-type", "text/plain")]].concat();
    let refused = browser
        .send(Method::POST, COMPLAINTS, &plain, &complaint().to_string())
        .await;
    assert_refused(&refused, StatusCode::FORBIDDEN, "CROSS_SITE");
    let refused = browser
        .send(Method::POST, "/v1/complaints/7:withdraw", &CROSS_SITE, "")
        .await;
    assert_ne!(refused.status, StatusCode::OK);
    assert_eq!(filed(&mesh), 0);
}

#[tokio::test]
async fn a_bearer_beside_a_cookie_is_who_calls_and_needs_no_token() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    mesh.account("scripted", SUBJECT, &[Role::Citizen]);
    let session = mesh.session("scripted", SUBJECT, &[Role::Citizen]).await;
    let bearer = format!("Bearer {session}");
    let shown = browser
        .send(Method::GET, "/v1/code", &[("authorization", &bearer)], "")
        .await;
    assert_eq!(shown.json()["name_mask"], "scripted");
    let headers = [("authorization", &*bearer)];
    let answered = browser.post_json(COMPLAINTS, &complaint(), &headers).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    // An invalid bearer token is refused; the cookie is not used instead.
    for bad in ["Bearer AAAA", "Basic dTpw", ""] {
        let refused = browser
            .send(Method::GET, "/v1/code", &[("authorization", bad)], "")
            .await;
        assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_INVALID");
    }
}

#[tokio::test]
async fn grpc_and_grpc_web_take_no_cookie() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let cookie = browser.cookie.clone().unwrap();
    let mut request = tonic::Request::new(ShowCodeRequest::default());
    request.metadata_mut().insert("cookie", cookie.parse().unwrap());
    let refused = CodeServiceClient::new(mesh.edge.clone()).show_code(request).await;
    assert_eq!(to_fault(&refused.unwrap_err(), "x").reason, "NOT_SIGNED_IN");

    let message = ShowCodeRequest::default().encode_to_vec();
    let frame = [&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()][..], &message].concat();
    let request = Request::post("/lutong.code_rendering.v1.CodeService/ShowCode")
        .header("content-type", "application/grpc-web+proto")
        .header("cookie", &cookie)
        .body(Body::new(Full::from(frame)))
        .unwrap();
    let (head, body) = mesh.edge.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let whole = format!("{:?} {}", head.headers, String::from_utf8_lossy(&body));
    assert!(
        whole.contains("\"grpc-status\": \"16\"") || whole.contains("grpc-status:16"),
        "{whole}"
    );

    // A malformed cookie is ignored too.
    let mut request = tonic::Request::new(ShowCodeRequest::default());
    let session = mesh.citizen().await;
    let metadata = request.metadata_mut();
    metadata.insert("cookie", "lutong-dev=broken".parse().unwrap());
    metadata.insert("authorization", format!("Bearer {session}").parse().unwrap());
    let shown = CodeServiceClient::new(mesh.edge.clone()).show_code(request).await;
    assert!(shown.is_ok(), "{shown:?}");
}

#[tokio::test]
async fn of_two_cookies_of_the_name_neither_is_believed() {
    let mesh = Mesh::new();
    let mut browser = Browser::signed_in(&mesh).await;
    let own = browser.cookie.clone().unwrap();
    for cookies in [
        format!("{own}; lutong-dev=planted"),
        format!("lutong-dev=planted; {own}"),
        format!("{own}; {own}"),
        "lutong-dev=".to_owned(),
        "lutong-dev=AAAA".to_owned(),
    ] {
        browser.cookie = Some(cookies.clone());
        let refused = browser.get("/v1/code").await;
        assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_INVALID");
        // Also where no session is needed, as with a bearer token; the page says how to sign in.
        assert_eq!(
            browser.get("/v1/keys").await.status,
            StatusCode::UNAUTHORIZED,
            "{cookies}"
        );
        assert_eq!(browser.get("/sign-in").await.status, StatusCode::OK, "{cookies}");
    }
    // HTTP/2 may send one header per cookie.
    browser.cookie = Some("theme=dark".to_owned());
    let shown = browser
        .send(Method::GET, "/v1/code", &[("cookie", &own)], "")
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    let refused = browser
        .send(Method::GET, "/v1/code", &[("cookie", &own), ("cookie", &own)], "")
        .await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_INVALID");
}

#[tokio::test]
async fn an_oversized_cookie_is_refused_and_others_of_any_size_are_passed_over() {
    let mesh = Mesh::new();
    let mut browser = Browser::signed_in(&mesh).await;
    let own = browser.cookie.clone().unwrap();
    browser.cookie = Some(format!("lutong-dev={}", "A".repeat(64 * 1_024)));
    let refused = browser.get("/v1/code").await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_INVALID");
    browser.cookie = Some(format!("other={}; {own}", ";".repeat(64 * 1_024)));
    assert_eq!(browser.get("/v1/code").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_cookie_outside_development_is_the_host_cookie_and_no_other() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let session = browser.cookie.clone().unwrap();
    let session = session.strip_prefix("lutong-dev=").unwrap();
    let outside = Mesh::with(GatewayConfig::default()).unwrap();
    let mut browser = Browser::new(&outside);
    browser.cookie = Some(format!("lutong-dev={session}"));
    assert_refused(
        &browser.get("/v1/code").await,
        StatusCode::UNAUTHORIZED,
        "NOT_SIGNED_IN",
    );
    // The cookie is read, but a session of the development provider is not accepted there.
    browser.cookie = Some(format!("__Host-lutong={session}"));
    assert_refused(
        &browser.get("/v1/code").await,
        StatusCode::UNAUTHORIZED,
        "SESSION_INVALID",
    );
}

#[tokio::test]
async fn a_cookie_ends_with_its_session() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    assert_eq!(browser.get("/v1/code").await.status, StatusCode::OK);
    mesh.follow();
    mesh.change("citizen");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let refused = browser.get("/v1/code").await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_ENDED");
    let page = browser.get("/sign-in").await;
    assert!(page.text.contains("/sign-in/dev"), "{}", page.text);
    mesh.clock.advance(Duration::from_secs(dev().session_ttl_s));
    let refused = browser.get("/v1/code").await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_EXPIRED");
}

#[tokio::test]
async fn a_cookie_beside_the_certificate_of_a_connection_is_who_calls() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    let peer = lutong_operating::tls::PeerAccount {
        account: "officer-1".into(),
        until: lutong_kernel::Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap(),
    };
    let request = Request::get("/v1/code")
        .extension(peer)
        .header("cookie", browser.cookie.clone().unwrap());
    let shown = mesh.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(shown.body["name_mask"], "citizen", "{}", shown.body);
}

#[tokio::test]
async fn calls_by_cookie_count_as_calls_of_the_account() {
    let mesh = Mesh::with(GatewayConfig {
        rate_per_subject: 2,
        ..dev()
    })
    .unwrap();
    let browser = Browser::signed_in(&mesh).await;
    let mut last = browser.get("/v1/code").await;
    for _ in 0..9 {
        last = browser.get("/v1/code").await;
    }
    assert_refused(&last, StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_CALLS");
}
