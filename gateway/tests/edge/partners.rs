//! The listener for partners: what is served there, and what federation is told of the certificate.

use std::time::Duration;

use http::{Request, StatusCode};
use lutong_kernel::Timestamp;
use lutong_operating::tls::PeerPartner;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::federation::v1::GetMessageKeyRequest;
use lutong_proto::federation::v1::exchange_service_client::ExchangeServiceClient;
use tonic::body::Body;

use crate::mesh::{Answered, Mesh};

fn partner(names: &[&str]) -> PeerPartner {
    PeerPartner {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        until: Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap(),
    }
}

async fn get(mesh: &Mesh, path: &str, header: Option<(&str, &str)>) -> Answered {
    let mut request = Request::get(path).extension(partner(&["a.cn", "b.cn"]));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    mesh.send(request.body(Body::empty()).unwrap()).await
}

/// What federation was told of the certificate.
fn told(mesh: &Mesh) -> Option<String> {
    let mut metadata = mesh.world.metadata.lock().unwrap();
    let told = metadata
        .get("lutong-partner")
        .map(|value| value.to_str().unwrap().to_owned());
    metadata.clear();
    told
}

#[tokio::test]
async fn federation_is_told_the_names_of_the_certificate_over_json_and_grpc_and_nobody_forges_them() {
    let mesh = Mesh::new();
    get(&mesh, "/v1/message-key", None).await;
    assert_eq!(told(&mesh).as_deref(), Some("a.cn,b.cn"));
    get(&mesh, "/v1/message-key", Some(("lutong-partner", "c.cn"))).await;
    assert_eq!(told(&mesh).as_deref(), Some("a.cn,b.cn"));
    let mut request = tonic::Request::new(GetMessageKeyRequest {});
    request.extensions_mut().insert(partner(&["a.cn"]));
    request
        .metadata_mut()
        .insert("lutong-partner", "c.cn".parse().unwrap());
    let _ = ExchangeServiceClient::new(mesh.edge.clone())
        .get_message_key(request)
        .await;
    assert_eq!(told(&mesh).as_deref(), Some("a.cn"));
    // At the public listener nothing is said, whatever the client says.
    let plain = Request::get("/v1/message-key").header("lutong-partner", "a.cn");
    mesh.send(plain.body(Body::empty()).unwrap()).await;
    assert!(
        mesh.world
            .metadata
            .lock()
            .unwrap()
            .contains_key("lutong-principal")
    );
    assert_eq!(told(&mesh), None);
}

#[tokio::test]
async fn nothing_else_is_served_there_whatever_session_is_shown() {
    let mesh = Mesh::new();
    let citizen = mesh.citizen().await;
    let bearer = format!("Bearer {citizen}");
    for path in [
        "/v1/code",
        "/v1/keys",
        "/v1/areas",
        "/sign-in",
        "/openapi.json",
        "/docs",
        "/v1/dev/sessions",
        "/",
    ] {
        let answered = get(&mesh, path, Some(("authorization", &bearer))).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}");
    }
    let mut request = tonic::Request::new(ShowCodeRequest::default());
    request.extensions_mut().insert(partner(&["a.cn"]));
    request
        .metadata_mut()
        .insert("authorization", bearer.parse().unwrap());
    let refused = CodeServiceClient::new(mesh.edge.clone()).show_code(request).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
    // A session is not read, not even one that is none.
    for credential in [&*bearer, "Bearer AAAA"] {
        mesh.world.metadata.lock().unwrap().clear();
        let answered = get(&mesh, "/v1/message-key", Some(("authorization", credential))).await;
        assert_ne!(answered.body["reason"], "SESSION_INVALID");
        assert!(told(&mesh).is_some());
    }
}

#[tokio::test]
async fn a_connection_of_a_partner_that_outlives_its_certificate_makes_no_more_calls() {
    let mesh = Mesh::new();
    mesh.clock.advance(Duration::from_secs(7_200));
    let refused = get(&mesh, "/v1/message-key", None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.body["reason"], "CERTIFICATE_EXPIRED");
    assert_eq!(told(&mesh), None);
}
