use std::time::Duration;

use http_body_util::Full;
use lutong_kernel::{Fault, FaultCode};
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::code_rendering::v1::{ApplyDecisionsRequest, ListKeysRequest, ShowCodeRequest};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    ApplicationForm, CreateApplicationRequest, FactRow, FactRows, ImportFactsRequest, ImportOptions,
};
use lutong_proto::identity::v1::GetAccountRequest;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::policy::Role;
use lutong_proto::types::v1::PersonItems;
use lutong_transport::status::to_fault;
use prost::Message as _;
use tonic::body::Body;
use tonic::{Code, Request};
use tower::ServiceExt as _;

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
    let keys = KeyServiceClient::new(mesh.edge.clone())
        .list_keys(ListKeysRequest::default())
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

/// Sends arbitrary bytes as a message and returns the fault.
async fn send_raw(mesh: &Mesh, session: &str, message: &[u8]) -> Fault {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let request = http::Request::post("/lutong.declaration.v1.ApplicationService/CreateApplication")
        .header("content-type", "application/grpc")
        .header("authorization", format!("Bearer {session}"))
        .body(Body::new(Full::from(frame)))
        .unwrap();
    let response = mesh.edge.clone().oneshot(request).await.unwrap();
    to_fault(&tonic::Status::from_header_map(response.headers()).unwrap(), "x")
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_the_clients_mistake_and_the_field_is_named() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    mesh.world.metadata.lock().unwrap().clear();
    // form (2) / person (1) / full_name (1).
    let refused = send_raw(&mesh, &session, &[0x12, 6, 0x0a, 4, 0x0a, 2, 0xc3, 0x28]).await;
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::InvalidArgument, "MESSAGE_UNREADABLE")
    );
    let [wrong] = &refused.violations[..] else {
        panic!("one field")
    };
    assert_eq!(
        (wrong.field.as_str(), &*wrong.reason),
        ("form.person.full_name", "NOT_UTF8")
    );
    assert!(
        mesh.world.metadata.lock().unwrap().is_empty(),
        "the service was not reached"
    );
}

#[tokio::test]
async fn a_message_of_a_megabyte_is_the_clients_mistake_too() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    mesh.world.metadata.lock().unwrap().clear();
    let form = ApplicationForm {
        person: Some(PersonItems {
            full_name: "名".repeat(350_000),
            ..PersonItems::default()
        }),
        ..ApplicationForm::default()
    };
    let request = CreateApplicationRequest {
        request_id: String::new(),
        form: Some(form),
        replaces: String::new(),
    };
    let refused = send_raw(&mesh, &session, &request.encode_to_vec()).await;
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::InvalidArgument, "MESSAGE_TOO_LARGE")
    );
    assert!(!refused.en.contains('名') && !refused.zh.contains('名'));
    assert!(
        mesh.world.metadata.lock().unwrap().is_empty(),
        "the service was not reached"
    );
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
        let parse = |text: &str| lutong_transport::deadline::parse(text).unwrap();
        assert_eq!(parse(stood), parse(&given), "{asked:?}");
    }
}
