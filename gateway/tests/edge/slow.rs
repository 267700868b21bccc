//! Slow, silent and vanished clients hold nothing that others wait for.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use lutong_gateway::GatewayConfig;
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_transport::peer::PeerAddress;
use lutong_transport::status::to_fault;
use serde_json::json;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::mesh::{Mesh, dev};

const LIST_KEYS: &str = "/lutong.code_rendering.v1.KeyService/ListKeys";
const IMPORT_FACTS: &str = "/lutong.declaration.v1.FeedService/ImportFacts";
const SHOW_CODE: &str = "/lutong.code_rendering.v1.CodeService/ShowCode";

/// A body that stops after these bytes without ending.
fn silent(begun: &'static [u8]) -> Body {
    use tokio_stream::StreamExt as _;
    let begun = tokio_stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(begun)))]);
    Body::new(StreamBody::new(begun.chain(tokio_stream::pending())))
}

/// A gRPC call from a network address.
fn call(path: &str, session: Option<&str>, from: &str, body: Body) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/grpc");
    if let Some(session) = session {
        request = request.header("authorization", format!("Bearer {session}"));
    }
    let mut request = request.body(body).unwrap();
    request
        .extensions_mut()
        .insert(PeerAddress(from.parse().unwrap()));
    request
}

fn empty_message() -> Body {
    Body::new(http_body_util::Full::from(&b"\0\0\0\0\0"[..]))
}

async fn fault_of(mesh: &Mesh, request: Request<Body>) -> Option<Fault> {
    let response = mesh.edge.clone().oneshot(request).await.unwrap();
    let status = Status::from_header_map(response.headers())?;
    Some(to_fault(&status, "x"))
}

fn send(mesh: &Mesh, request: Request<Body>) -> JoinHandle<Option<Fault>> {
    let edge = mesh.edge.clone();
    tokio::spawn(async move {
        let response = edge.oneshot(request).await.unwrap();
        Status::from_header_map(response.headers()).map(|status| to_fault(&status, "x"))
    })
}

fn crowded() -> GatewayConfig {
    GatewayConfig {
        show_in_flight: 4,
        write_in_flight: 4,
        import_in_flight: 8,
        imports_per_account: 4,
        message_patience_ms: 2_000,
        stream_patience_ms: 1_500,
        rate_per_subject: 100_000,
        rate_per_address: 100_000,
        ..dev()
    }
}

#[tokio::test]
async fn calls_of_which_only_the_headers_come_leave_showing_alone() {
    let mesh = Mesh::with(crowded()).unwrap();
    let session = mesh.citizen().await;
    // An attack: many more calls than slots, from one address over many connections.
    let slow: Vec<_> = (0..400)
        .map(|n| {
            let begun: &[u8] = if n % 2 == 0 { b"" } else { b"\0\0\0" };
            let from = format!("192.0.2.1:{}", 10_000 + n);
            send(&mesh, call(LIST_KEYS, None, &from, silent(begun)))
        })
        .collect();
    for _ in 0..50 {
        tokio::task::yield_now().await;
        let shown = call(SHOW_CODE, Some(&session), "198.51.100.1:1", empty_message());
        assert_eq!(fault_of(&mesh, shown).await, None);
    }
    // Each gets its error in time and releases its slot.
    for answered in slow {
        assert_eq!(answered.await.unwrap().unwrap().reason, "MESSAGE_TOO_SLOW");
    }
}

#[tokio::test]
async fn an_account_an_address_and_a_connection_have_a_share_and_no_more() {
    let config = GatewayConfig {
        in_flight_per_account: 3,
        in_flight_per_address: 5,
        in_flight_per_connection: 2,
        ..crowded()
    };
    let mesh = Mesh::with(config).unwrap();
    let session = mesh.citizen().await;
    let other = mesh
        .session("other", crate::mesh::SUBJECT, &[Role::Citizen])
        .await;
    let slow = |session: Option<&str>, from: &str| {
        let path = if session.is_some() { SHOW_CODE } else { LIST_KEYS };
        send(&mesh, call(path, session, from, silent(b"")))
    };
    let refused = async |session: Option<&str>, from: &str| {
        let path = if session.is_some() { SHOW_CODE } else { LIST_KEYS };
        let fault = fault_of(&mesh, call(path, session, from, empty_message())).await;
        fault.map(|fault| fault.reason.into_owned())
    };
    let too_many = Some("TOO_MANY_AT_ONCE".to_owned());
    let mut held = vec![slow(None, "192.0.2.1:1"), slow(None, "192.0.2.1:1")];
    tokio::task::yield_now().await;
    assert_eq!(refused(None, "192.0.2.1:1").await, too_many, "the connection");
    held.extend([
        slow(None, "192.0.2.1:2"),
        slow(None, "192.0.2.1:2"),
        slow(None, "192.0.2.1:3"),
    ]);
    tokio::task::yield_now().await;
    assert_eq!(refused(None, "192.0.2.1:4").await, too_many, "the address");
    assert_eq!(refused(None, "192.0.2.2:1").await, None);
    held.extend((1..=3).map(|n| slow(Some(&session), &format!("192.0.2.{}:1", 10 + n))));
    tokio::task::yield_now().await;
    assert_eq!(
        refused(Some(&session), "192.0.2.20:1").await,
        too_many,
        "the account"
    );
    assert_eq!(refused(Some(&other), "192.0.2.20:1").await, None);
    // A client that hangs up releases its slots.
    for call in held {
        call.abort();
        let _ = call.await;
    }
    assert_eq!(refused(Some(&session), "192.0.2.1:1").await, None);
}

#[tokio::test]
async fn silent_imports_of_one_feed_stop_nobody_and_end_by_themselves() {
    let mesh = Mesh::with(crowded()).unwrap();
    let feed = mesh.session("feed", "", &[Role::AuthorityFeed]).await;
    let other_feed = mesh.session("feed-2", "", &[Role::AuthorityFeed]).await;
    let citizen = mesh.citizen().await;
    let streams: Vec<_> = (0..400)
        .map(|n| {
            let from = format!("192.0.2.1:{}", 10_000 + n);
            send(&mesh, call(IMPORT_FACTS, Some(&feed), &from, silent(b"")))
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let body = json!({"request_id": "r", "feedback": {"text": "x"}});
    let filed = mesh
        .call(Method::POST, "/v1/complaints", Some(&citizen), Some(body))
        .await;
    assert_eq!(filed.status, StatusCode::OK, "{}", filed.body);
    let import = call(IMPORT_FACTS, Some(&other_feed), "198.51.100.1:1", Body::empty());
    assert_eq!(
        fault_of(&mesh, import).await,
        None,
        "another feed has its own places"
    );
    let mut silent = 0;
    for answered in streams {
        match answered.await.unwrap().unwrap().reason.as_ref() {
            "STREAM_SILENT" => silent += 1,
            other => assert_eq!(other, "TOO_MANY_AT_ONCE"),
        }
    }
    assert_eq!(silent, 4, "as many as one account may have");
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_is_counted_as_cancelled_and_a_broken_frame_is_its_own_mistake()
{
    let mesh = Mesh::new();
    let feed = mesh.session("feed", "", &[Role::AuthorityFeed]).await;
    let gone = tokio_stream::iter([Err::<Frame<Bytes>, _>(Status::unknown("connection reset"))]);
    let import = call(
        IMPORT_FACTS,
        Some(&feed),
        "192.0.2.1:1",
        Body::new(StreamBody::new(gone)),
    );
    let response = mesh.edge.clone().oneshot(import).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::Cancelled, "{status:?}");
    for (path, body) in [
        (IMPORT_FACTS, &b"\x07\0\0\0\x01a"[..]),
        (IMPORT_FACTS, b"\0\0\0\0\x09a"),
        (IMPORT_FACTS, b"\0\0\0\0\x02\x12\x09"),
        (SHOW_CODE, b"\x07\0\0\0\x01a"),
        (SHOW_CODE, b"\0\0\0\0\x09a"),
        (SHOW_CODE, b""),
        (SHOW_CODE, b"\0\0\0\0\x02\x0a\x09"),
    ] {
        let session = if path == SHOW_CODE {
            mesh.citizen().await
        } else {
            feed.clone()
        };
        let body = Body::new(http_body_util::Full::from(body));
        let fault = fault_of(&mesh, call(path, Some(&session), "192.0.2.1:1", body)).await;
        assert_eq!(fault.unwrap().reason, "MESSAGE_UNREADABLE", "{path}");
    }
}
