//! Sessions end at every replica when their account is changed or disabled; and what still works while identity is
//! away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use lutong_gateway::GatewayConfig;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{ImportFactsRequest, ImportOptions};
use lutong_proto::policy::Role;
use lutong_transport::status::to_fault;
use tokio_stream::StreamExt as _;
use tonic::Request;

use crate::mesh::{Answered, Mesh, SUBJECT, dev, until};

/// After this time the gateway has polled identity's changes.
const A_LOOK: Duration = Duration::from_millis(1_500);

/// A path for staff; the service decides whether they may call it.
const STAFF: &str = "/v1/areas";

fn assert_ended(answered: &Answered) {
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{}", answered.body);
    assert_eq!(answered.body["reason"], "SESSION_ENDED");
}

async fn officer(mesh: &Mesh, id: &str) -> String {
    mesh.session(id, "", &[Role::HealthOfficer]).await
}

#[tokio::test]
async fn a_changed_account_is_out_within_seconds_at_every_replica_and_signs_in_anew() {
    let mesh = Mesh::new();
    let replica = mesh.replica();
    let (session, other) = (
        officer(&mesh, "officer-1").await,
        officer(&mesh, "officer-2").await,
    );
    let citizen = mesh.citizen().await;
    for gateway in [&mesh, &replica] {
        gateway.follow();
        assert_eq!(gateway.get(STAFF, Some(&session)).await.status, StatusCode::OK);
    }
    mesh.change("officer-1");
    tokio::time::sleep(A_LOOK).await;
    for gateway in [&mesh, &replica] {
        assert_ended(&gateway.get(STAFF, Some(&session)).await);
        assert_ended(&gateway.get("/v1/keys", Some(&session)).await);
        assert_eq!(gateway.get(STAFF, Some(&other)).await.status, StatusCode::OK);
        assert_eq!(
            gateway.get("/v1/code", Some(&citizen)).await.status,
            StatusCode::OK
        );
    }
    let body = serde_json::json!({"account_id": "officer-1"});
    let anew = mesh
        .call(http::Method::POST, "/v1/dev/sessions", None, Some(body))
        .await;
    let anew = anew.body["token"].as_str().unwrap();
    for gateway in [&mesh, &replica] {
        assert_eq!(gateway.get(STAFF, Some(anew)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_disabled_citizen_is_out_too() {
    let mesh = Mesh::new();
    let citizen = mesh.citizen().await;
    mesh.follow();
    assert_eq!(mesh.get("/v1/code", Some(&citizen)).await.status, StatusCode::OK);
    mesh.change("citizen");
    tokio::time::sleep(A_LOOK).await;
    assert_ended(&mesh.get("/v1/code", Some(&citizen)).await);
}

#[tokio::test]
async fn an_account_that_was_changed_before_the_gateway_started_is_out_at_once() {
    let mesh = Mesh::new();
    let session = officer(&mesh, "officer-1").await;
    mesh.change("officer-1");
    // Nothing polls yet: the first staff call asks identity.
    assert_ended(&mesh.replica().get(STAFF, Some(&session)).await);
}

#[tokio::test]
async fn while_identity_is_away_staff_are_refused_after_a_while_and_people_and_doors_go_on() {
    let mesh = Mesh::with(GatewayConfig {
        staff_stale_s: 4,
        ..dev()
    })
    .unwrap();
    let staff = officer(&mesh, "officer-1").await;
    let feed = mesh.session("cdc-1", "", &[Role::AuthorityFeed]).await;
    let door = mesh.session("door-1", "", &[Role::Checkpoint]).await;
    let citizen = mesh.citizen().await;
    mesh.follow();
    assert_eq!(mesh.get(STAFF, Some(&staff)).await.status, StatusCode::OK);
    mesh.world.identity_away.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(mesh.get(STAFF, Some(&staff)).await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(4_300)).await;
    for session in [&staff, &feed] {
        let refused = mesh.get(STAFF, Some(session)).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.body["metadata"]["part"], "identity");
    }
    assert_eq!(mesh.get("/v1/code", Some(&citizen)).await.status, StatusCode::OK);
    assert_eq!(mesh.get("/v1/keys", Some(&door)).await.status, StatusCode::OK);
    mesh.world.identity_away.store(false, Ordering::SeqCst);
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(mesh.get(STAFF, Some(&staff)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_known_before_identity_went_away_holds_while_it_is() {
    let mesh = Mesh::new();
    let door = mesh.session("door-1", "", &[Role::Checkpoint]).await;
    mesh.follow();
    mesh.change("door-1");
    tokio::time::sleep(A_LOOK).await;
    mesh.world.identity_away.store(true, Ordering::SeqCst);
    tokio::time::sleep(A_LOOK).await;
    assert_ended(&mesh.get("/v1/keys", Some(&door)).await);
}

#[tokio::test]
async fn an_open_import_of_a_stopped_feed_ends() {
    let mesh = Mesh::new();
    let session = mesh.session("cdc-1", SUBJECT, &[Role::AuthorityFeed]).await;
    mesh.follow();
    let options = ImportFactsRequest {
        content: Some(Content::Options(ImportOptions::default())),
    };
    let endless = tokio_stream::once(options).chain(tokio_stream::pending());
    let mut request = Request::new(endless);
    let credential = format!("Bearer {session}").parse().unwrap();
    request.metadata_mut().insert("authorization", credential);
    let edge = mesh.edge.clone();
    let import = tokio::spawn(async move { FeedServiceClient::new(edge).import_facts(request).await });
    until(|| mesh.world.importing.load(Ordering::SeqCst) == 1).await;
    mesh.change("cdc-1");
    let ended = tokio::time::timeout(Duration::from_secs(5), import).await;
    let refused = ended.unwrap().unwrap().unwrap_err();
    assert_eq!(to_fault(&refused, "x").reason, "SESSION_ENDED");
    until(|| mesh.world.importing.load(Ordering::SeqCst) == 0).await;
}
