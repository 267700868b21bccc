//! The gateway behind a real listener: one port for all protocols.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lutong_gateway::GatewayConfig;
use lutong_proto::code_rendering::v1::ShowCodeRequest;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_transport::server::{ListenConfig, Listener, TransportSecurity};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::mesh::{Mesh, SUBJECT, dev};

struct Served {
    base: String,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn new(mesh: &Mesh) -> Self {
        let listener = Listener::bind(
            "127.0.0.1:0".parse().unwrap(),
            ListenConfig::default(),
            TransportSecurity::Plain(None),
        )
        .await
        .unwrap();
        let base = format!("http://{}", listener.address().unwrap());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(listener.serve(mesh.edge.clone(), stop.clone()));
        Self { base, stop, serving }
    }

    async fn channel(&self) -> tonic::transport::Channel {
        tonic::transport::Channel::from_shared(self.base.clone())
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    async fn get(&self, path: &str, session: Option<&str>) -> (u16, serde_json::Value) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let mut request = Request::get(format!("{}{path}", self.base));
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let response = client
            .request(request.body(Full::default()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

#[tokio::test]
async fn json_and_grpc_share_a_port() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let served = Served::new(&mesh).await;
    let (status, shown) = served.get("/v1/code", Some(&session)).await;
    assert_eq!(
        (status, shown["token"].as_str()),
        (200, Some(format!("LT1:{SUBJECT}").as_str()))
    );

    let mut request = tonic::Request::new(ShowCodeRequest::default());
    let credential = format!("Bearer {session}").parse().unwrap();
    request.metadata_mut().insert("authorization", credential);
    let shown = CodeServiceClient::new(served.channel().await)
        .show_code(request)
        .await
        .unwrap();
    assert_eq!(shown.into_inner().token, format!("LT1:{SUBJECT}"));
    served.end().await;
}

#[tokio::test]
async fn callers_without_a_session_are_counted_by_their_address() {
    let mesh = Mesh::with(GatewayConfig {
        rate_per_address: 1,
        ..dev()
    })
    .unwrap();
    let served = Served::new(&mesh).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(served.get("/v1/keys", None).await.0);
    }
    assert_eq!((statuses[0], statuses[4]), (200, 429), "{statuses:?}");
    // Not over the network, so without an address: not limited by the calls above.
    assert_eq!(mesh.get("/v1/keys", None).await.status, http::StatusCode::OK);
    served.end().await;
}

#[tokio::test]
async fn health_and_reflection_answer_at_the_edge() {
    let mesh = Mesh::new();
    let served = Served::new(&mesh).await;
    let channel = served.channel().await;
    let health = HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await;
    assert!(health.is_ok(), "{health:?}");

    let asked = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([asked]))
        .await
        .unwrap()
        .into_inner();
    let Some(ServerReflectionResponse {
        message_response: Some(MessageResponse::ListServicesResponse(listed)),
        ..
    }) = answers.message().await.unwrap()
    else {
        panic!("no list of services");
    };
    let names: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    for name in ["lutong.code_rendering.v1.CodeService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    for name in [
        "lutong.identity.v1.IdentityService",
        "lutong.identity.v1.AccountService",
    ] {
        assert!(!names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    drop(answers);
    // Internal services are not described.
    for question in [
        MessageRequest::FileByFilename("lutong/policy/v1/policy.proto".to_owned()),
        MessageRequest::FileByFilename("lutong/declaration/v1/event_log_service.proto".to_owned()),
        MessageRequest::FileContainingSymbol("lutong.identity.v1.IdentityService".to_owned()),
        MessageRequest::FileContainingSymbol("lutong.code_rendering.v1.ApplyDecisionsRequest".to_owned()),
    ] {
        let asked = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question.clone()),
        };
        let answered = ServerReflectionClient::new(served.channel().await)
            .server_reflection_info(tokio_stream::iter([asked]))
            .await
            .unwrap()
            .into_inner()
            .message()
            .await;
        let described = matches!(
            answered,
            Ok(Some(ServerReflectionResponse {
                message_response: Some(MessageResponse::FileDescriptorResponse(_)),
                ..
            }))
        );
        assert!(!described, "{question:?}");
    }
    served.end().await;
}

#[tokio::test]
async fn a_head_that_is_larger_than_a_listener_takes_is_refused_before_it_is_read() {
    let mesh = Mesh::new();
    let served = Served::new(&mesh).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(format!("{}/v1/keys", served.base))
        .header("cookie", format!("lutong-dev={}", "A".repeat(64 * 1_024)));
    let response = client.request(request.body(Full::default()).unwrap()).await;
    let status = response.unwrap().status().as_u16();
    assert_eq!(status, 431);
    assert_eq!(served.get("/v1/keys", None).await.0, 200);
    served.end().await;
}
