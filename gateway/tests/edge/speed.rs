//! The overhead of the gateway, measured by hand: `cargo test --release -p lutong-gateway --test edge -- --ignored
//! --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lutong_gateway::GatewayConfig;
use lutong_proto::code_rendering::v1::code_service_client::CodeServiceClient;
use lutong_proto::code_rendering::v1::code_service_server::{CodeService, CodeServiceServer};
use lutong_proto::code_rendering::v1::{
    ApplyBindingsRequest, ApplyBindingsResponse, ApplyDecisionsRequest, ApplyDecisionsResponse,
    BatchGetColoursRequest, BatchGetColoursResponse, ShowCodeRequest, ShowCodeResponse,
};
use lutong_transport::server::{ListenConfig, Listener, TransportSecurity};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::mesh::{Mesh, dev};

const CALLERS: usize = 64;
const LONG: Duration = Duration::from_secs(4);

struct Bare;

#[tonic::async_trait]
impl CodeService for Bare {
    async fn batch_get_colours(
        &self,
        _: Request<BatchGetColoursRequest>,
    ) -> Result<Response<BatchGetColoursResponse>, Status> {
        Ok(Response::new(BatchGetColoursResponse::default()))
    }

    async fn apply_decisions(
        &self,
        _: Request<ApplyDecisionsRequest>,
    ) -> Result<Response<ApplyDecisionsResponse>, Status> {
        Ok(Response::new(ApplyDecisionsResponse::default()))
    }

    async fn apply_bindings(
        &self,
        _: Request<ApplyBindingsRequest>,
    ) -> Result<Response<ApplyBindingsResponse>, Status> {
        Ok(Response::new(ApplyBindingsResponse::default()))
    }

    async fn show_code(&self, _: Request<ShowCodeRequest>) -> Result<Response<ShowCodeResponse>, Status> {
        Ok(Response::new(ShowCodeResponse {
            token: "LT1:00000000-0000-0000-0000-000000000007".to_owned(),
            ..ShowCodeResponse::default()
        }))
    }
}

async fn calls_a_second(channel: Channel, session: &str) -> f64 {
    let done = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (done, session) = (Arc::clone(&done), session.to_owned());
        let mut client = CodeServiceClient::new(channel.clone());
        callers.spawn(async move {
            while started.elapsed() < LONG {
                let mut request = Request::new(ShowCodeRequest::default());
                let credential = format!("Bearer {session}").parse().unwrap();
                request.metadata_mut().insert("authorization", credential);
                client.show_code(request).await.unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    callers.join_all().await;
    f64::from(u32::try_from(done.load(Ordering::Relaxed)).unwrap()) / started.elapsed().as_secs_f64()
}

async fn listen() -> (Listener, Channel) {
    let listener = Listener::bind(
        "127.0.0.1:0".parse().unwrap(),
        ListenConfig::default(),
        TransportSecurity::Plain(None),
    )
    .await
    .unwrap();
    let base = format!("http://{}", listener.address().unwrap());
    (listener, Channel::from_shared(base).unwrap().connect_lazy())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of four seconds each, meaningful in a release build only"]
async fn showing_through_edge_and_guard_against_a_bare_server() {
    let stop = CancellationToken::new();
    let (listener, channel) = listen().await;
    let bare = tower::util::BoxCloneSyncService::new(CodeServiceServer::new(Bare));
    let serving = tokio::spawn(listener.serve(bare, stop.clone()));
    let bare = calls_a_second(channel, "x").await;

    let mesh = Mesh::with(GatewayConfig {
        rate_per_subject: 1_000_000,
        ..dev()
    })
    .unwrap();
    let session = mesh.citizen().await;
    let (listener, channel) = listen().await;
    let edge = tokio::spawn(listener.serve(mesh.edge.clone(), stop.clone()));
    let through = calls_a_second(channel, &session).await;
    eprintln!(
        "bare {bare:.0}/s, through edge and guard {through:.0}/s: {:.2}",
        through / bare
    );
    stop.cancel();
    serving.await.unwrap();
    edge.await.unwrap();
    assert!(through > bare * 0.35, "{through} of {bare}");
}
