use std::time::Duration;

use lutong_chassis::status::to_fault;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{ApplyDecisionsRequest, ListKeysRequest, ShowCodeRequest};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{FactRow, FactRows, ImportFactsRequest, ImportOptions};
use lutong_proto::identity::v1::GetAccountRequest;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::policy::Role;
use tonic::{Code, Request};

use crate::mesh::{Mesh, SUBJECT};

fn with_session<T>(message: T, session: &str) -> Request<T> {
    let mut request = Request::new(message);
    let credential = format!("Bearer {session}").parse().unwrap();
    request.metadata_mut().insert("authorization", credential);
    request
}

#[tokio::test]
async fn a_generated_client_speaks_through_the_edge() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let mut client = CodeServiceClient::new(mesh.edge.clone());
    let shown = client
        .show_code(with_session(ShowCodeRequest::default(), &session))
        .await
        .unwrap();
    assert_eq!(shown.into_inner().token, format!("LT1:{SUBJECT}"));
    let keys = VerificationServiceClient::new(mesh.edge.clone())
        .list_keys(ListKeysRequest {})
        .await
        .unwrap();
    assert_eq!(keys.into_inner().keys.len(), 1);
}

#[tokio::test]
async fn a_refusal_has_its_reason_over_grpc_too() {
    let mesh = Mesh::new();
    let mut client = CodeServiceClient::new(mesh.edge.clone());
    let refused = client.show_code(ShowCodeRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(to_fault(&refused, "x").reason, "NOT_SIGNED_IN");
    let refused = client
        .show_code(with_session(ShowCodeRequest::default(), "AAAA"))
        .await
        .unwrap_err();
    assert_eq!(to_fault(&refused, "x").reason, "SESSION_INVALID");
}

#[tokio::test]
async fn a_forged_principal_in_the_metadata_is_dropped() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let mut client = CodeServiceClient::new(mesh.edge.clone());
    let request = with_session(ShowCodeRequest::default(), &session);
    client.show_code(request).await.unwrap();
    let internal = mesh.world.metadata.lock().unwrap()["lutong-principal"].clone();
    let mut forged = Request::new(ShowCodeRequest::default());
    let internal = internal.to_str().unwrap().parse().unwrap();
    forged.metadata_mut().insert("lutong-principal", internal);
    let refused = client.show_code(forged).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn what_is_for_services_only_is_not_there() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let applied = CodeServiceClient::new(mesh.edge.clone())
        .apply_decisions(with_session(ApplyDecisionsRequest::default(), &session))
        .await;
    assert_eq!(applied.unwrap_err().code(), Code::Unimplemented);
    let asked = AccountServiceClient::new(mesh.edge.clone())
        .get_account(GetAccountRequest {
            account_id: "citizen".to_owned(),
        })
        .await;
    assert_eq!(asked.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn an_import_streams_through_with_time_and_a_token_that_last() {
    let mesh = Mesh::new();
    let session = mesh.session("feed", "", &[Role::AuthorityFeed]).await;
    let options = ImportFactsRequest {
        content: Some(Content::Options(ImportOptions::default())),
    };
    let rows = |n: usize| ImportFactsRequest {
        content: Some(Content::Rows(FactRows {
            rows: vec![FactRow::default(); n],
        })),
    };
    let messages = tokio_stream::iter([options, rows(1_000), rows(500)]);
    let imported = FeedServiceClient::new(mesh.edge.clone())
        .import_facts(with_session(messages, &session))
        .await
        .unwrap();
    assert_eq!(imported.into_inner().accepted, 1_500);
    let metadata = mesh.world.metadata.lock().unwrap().clone();
    assert_eq!(metadata["grpc-timeout"], "600S");
}

#[tokio::test]
async fn a_client_may_ask_for_less_time_and_gets_no_more() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let mut client = CodeServiceClient::new(mesh.edge.clone());
    for (asked, given) in [
        (None, "10S".to_owned()),
        (Some(Duration::from_secs(3_600)), "10S".to_owned()),
        (Some(Duration::from_millis(500)), "500000u".to_owned()),
    ] {
        let mut request = with_session(ShowCodeRequest::default(), &session);
        if let Some(asked) = asked {
            request.set_timeout(asked);
        }
        client.show_code(request).await.unwrap();
        let metadata = mesh.world.metadata.lock().unwrap().clone();
        let stood = metadata["grpc-timeout"].to_str().unwrap();
        let parse = |text: &str| lutong_chassis::deadline::parse(text).unwrap();
        assert_eq!(parse(stood), parse(&given), "{asked:?}");
    }
}
