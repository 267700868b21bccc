//! Staff and feeds authenticated by the certificate of their connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{Request, StatusCode};
use lutong_gateway::GatewayConfig;
use lutong_kernel::{Clock as _, Timestamp};
use lutong_operating::tls::PeerAccount;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{ImportFactsRequest, ImportOptions};
use lutong_proto::policy::Role;
use lutong_transport::status::to_fault;
use tokio_stream::StreamExt as _;
use tonic::body::Body;

use crate::mesh::{Answered, Mesh, dev, until};

/// After this time the gateway has polled identity's changes.
const A_LOOK: Duration = Duration::from_millis(1_500);
const STAFF: &str = "/v1/areas";

fn peer(account: &str) -> PeerAccount {
    PeerAccount {
        account: account.into(),
        until: Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap(),
    }
}

async fn get(mesh: &Mesh, path: &str, account: &str, session: Option<&str>) -> Answered {
    let mut request = Request::get(path).extension(peer(account));
    if let Some(session) = session {
        request = request.header("authorization", format!("Bearer {session}"));
    }
    mesh.send(request.body(Body::empty()).unwrap()).await
}

fn assert_refused(answered: &Answered, status: StatusCode, reason: &str) {
    assert_eq!(answered.body["reason"], reason, "{}", answered.body);
    assert_eq!(answered.status, status);
}

#[tokio::test]
async fn a_call_without_a_session_is_made_by_the_account_of_the_certificate() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    for _ in 0..5 {
        assert_eq!(get(&mesh, STAFF, "officer-1", None).await.status, StatusCode::OK);
    }
    assert_eq!(mesh.world.asked.load(Ordering::SeqCst), 1, "it is remembered");
    // The services receive a principal as for a session.
    assert!(
        mesh.world
            .metadata
            .lock()
            .unwrap()
            .contains_key("lutong-principal")
    );
    mesh.account("approver-1", "", &[Role::RuleApprover]);
    assert_eq!(
        get(&mesh, "/v1/code", "approver-1", None).await.body["reason"],
        "NOT_PERMITTED"
    );
}

/// A browser shows its certificate to every request, also one that a page of another site sends.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing_by_the_certificate_of_the_browser() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    let post = async |site: Option<&str>| {
        let mut request = Request::post("/v1/key-areas/x:approve").extension(peer("officer-1"));
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        mesh.send(request.body(Body::empty()).unwrap()).await
    };
    assert_refused(
        &post(Some("cross-site")).await,
        StatusCode::FORBIDDEN,
        "CROSS_SITE",
    );
    assert_refused(
        &post(Some("same-site")).await,
        StatusCode::FORBIDDEN,
        "CROSS_SITE",
    );
    for own in [Some("same-origin"), None] {
        assert_ne!(post(own).await.body["reason"], "CROSS_SITE");
    }
    let read = Request::get(STAFF)
        .extension(peer("officer-1"))
        .header("sec-fetch-site", "cross-site");
    let read = mesh.send(read.body(Body::empty()).unwrap()).await;
    assert_eq!(read.status, StatusCode::OK, "what reads changes nothing");
}

#[tokio::test]
async fn citizens_and_disabled_accounts_are_nobody_by_certificate_even_where_nobody_need_be_known() {
    let mesh = Mesh::new();
    mesh.account("wx-1", "", &[Role::Citizen]);
    for path in [STAFF, "/v1/keys"] {
        let citizen = get(&mesh, path, "wx-1", None).await;
        assert_refused(&citizen, StatusCode::FORBIDDEN, "CERTIFICATE_OF_NO_STAFF");
        // The identity of this test knows no other account, as if it were disabled.
        let disabled = get(&mesh, path, "officer-9", None).await;
        assert_refused(&disabled, StatusCode::FORBIDDEN, "ACCOUNT_DISABLED");
    }
}

#[tokio::test]
async fn a_disabled_account_is_out_within_a_look_and_an_enabled_one_is_in_again() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    mesh.follow();
    assert_eq!(get(&mesh, STAFF, "officer-1", None).await.status, StatusCode::OK);
    mesh.change("officer-1");
    let kept = mesh.world.accounts.lock().unwrap().remove("officer-1").unwrap();
    tokio::time::sleep(A_LOOK).await;
    for _ in 0..2 {
        let refused = get(&mesh, STAFF, "officer-1", None).await;
        assert_refused(&refused, StatusCode::FORBIDDEN, "ACCOUNT_DISABLED");
    }
    mesh.world
        .accounts
        .lock()
        .unwrap()
        .insert("officer-1".to_owned(), kept);
    mesh.change("officer-1");
    assert_eq!(get(&mesh, STAFF, "officer-1", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_changed_account_calls_with_its_new_roles_within_a_look() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    mesh.follow();
    assert_eq!(get(&mesh, STAFF, "officer-1", None).await.status, StatusCode::OK);
    mesh.change("officer-1");
    mesh.world
        .accounts
        .lock()
        .unwrap()
        .get_mut("officer-1")
        .unwrap()
        .roles = vec![Role::Citizen.into()];
    tokio::time::sleep(A_LOOK).await;
    let refused = get(&mesh, STAFF, "officer-1", None).await;
    assert_refused(&refused, StatusCode::FORBIDDEN, "CERTIFICATE_OF_NO_STAFF");
}

#[tokio::test]
async fn a_connection_that_outlives_its_certificate_makes_no_more_calls() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    let session = mesh.session("officer-2", "", &[Role::HealthOfficer]).await;
    mesh.clock.advance(Duration::from_secs(7_199));
    assert_eq!(get(&mesh, STAFF, "officer-1", None).await.status, StatusCode::OK);
    mesh.clock.advance(Duration::from_secs(1));
    assert!(mesh.clock.now() >= peer("officer-1").until);
    for session in [None, Some(&*session)] {
        let refused = get(&mesh, STAFF, "officer-1", session).await;
        assert_refused(&refused, StatusCode::UNAUTHORIZED, "CERTIFICATE_EXPIRED");
    }
}

#[tokio::test]
async fn beside_a_certificate_a_good_session_is_who_calls_and_a_bad_one_is_refused() {
    let mesh = Mesh::new();
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    let citizen = mesh.citizen().await;
    let shown = get(&mesh, "/v1/code", "officer-1", Some(&citizen)).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let refused = get(&mesh, STAFF, "officer-1", Some("AAAA")).await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "SESSION_INVALID");
}

#[tokio::test]
async fn while_identity_is_away_doors_go_on_and_staff_are_refused_after_a_while() {
    let mesh = Mesh::with(GatewayConfig {
        staff_stale_s: 2,
        ..dev()
    })
    .unwrap();
    mesh.account("door-1", "", &[Role::Checkpoint]);
    mesh.account("officer-1", "", &[Role::HealthOfficer]);
    mesh.follow();
    for account in ["door-1", "officer-1"] {
        assert_eq!(get(&mesh, "/v1/keys", account, None).await.status, StatusCode::OK);
    }
    mesh.world.identity_away.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(4_000)).await;
    assert_eq!(
        get(&mesh, "/v1/keys", "door-1", None).await.status,
        StatusCode::OK
    );
    let refused = get(&mesh, STAFF, "officer-1", None).await;
    assert_refused(&refused, StatusCode::SERVICE_UNAVAILABLE, "PART_UNAVAILABLE");
}

#[tokio::test]
async fn an_open_import_by_certificate_ends_with_its_account() {
    let mesh = Mesh::new();
    mesh.account("cdc-1", "", &[Role::AuthorityFeed]);
    mesh.follow();
    let options = ImportFactsRequest {
        content: Some(Content::Options(ImportOptions::default())),
    };
    let endless = tokio_stream::once(options).chain(tokio_stream::pending());
    let mut request = tonic::Request::new(endless);
    request.extensions_mut().insert(peer("cdc-1"));
    let edge = mesh.edge.clone();
    let import = tokio::spawn(async move { FeedServiceClient::new(edge).import_facts(request).await });
    until(|| mesh.world.importing.load(Ordering::SeqCst) == 1).await;
    mesh.change("cdc-1");
    let ended = tokio::time::timeout(Duration::from_secs(5), import).await;
    let refused = ended.unwrap().unwrap().unwrap_err();
    assert_eq!(to_fault(&refused, "x").reason, "SESSION_ENDED");
}
