//! Telemetry: spans are exported to a collector, in one trace from caller to server, and metrics are rendered as text.
//!
//! Telemetry is set up once per process; nextest runs each test in a process of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lutong_kernel::ServiceName;
use lutong_operating::telemetry;
use lutong_operating::telemetry::{TelemetryConfig, TelemetryError};
use lutong_proto::policy::Caller;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::client::MeshChannel;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;
use tonic::{Code, Request, Response, Status};
use tracing::Instrument as _;

use crate::network::{Handler, ask, router, serve};

const RPC: &str = "lutong.declaration.v1.EventLogService/ListEvents";
const LONG: Duration = Duration::from_secs(20);

/// A collector that keeps the exported spans.
struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Starts a collector; returns its address and what it receives.
async fn collector() -> (SocketAddr, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
    let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = socket.local_addr().unwrap();
    let (sender, exported) = mpsc::unbounded_channel();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(socket);
    let server = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(sender)))
        .serve_with_incoming(incoming);
    tokio::spawn(server);
    (address, exported)
}

fn traced_to(collector: SocketAddr) -> TelemetryConfig {
    TelemetryConfig {
        // The log filter must not affect traces.
        log: "warn".to_owned(),
        otlp_endpoint: Some(format!("http://{collector}")),
        trace_ratio: 1.0,
        ..TelemetryConfig::default()
    }
}

/// All received spans with their service names.
fn spans(exported: &mut mpsc::UnboundedReceiver<ExportTraceServiceRequest>) -> Vec<(String, Span)> {
    let mut spans = Vec::new();
    while let Ok(request) = exported.try_recv() {
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|one| one.key == "service.name");
            let Some(Value::StringValue(service)) = name.and_then(|name| name.value?.value) else {
                panic!("a resource without a service's name");
            };
            let scopes = resource.scope_spans.into_iter();
            spans.extend(
                scopes
                    .flat_map(|scope| scope.spans)
                    .map(|span| (service.clone(), span)),
            );
        }
    }
    spans
}

/// Shuts the exporter down, which flushes pending spans, without blocking the runtime that receives them.
async fn flushed(telemetry: telemetry::Telemetry) {
    tokio::task::spawn_blocking(|| drop(telemetry)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_from_the_callers_span_to_the_servers_in_process_and_over_the_network() {
    let (address, mut exported) = collector().await;
    let telemetry = telemetry::init(&traced_to(address), "risk-rules").unwrap();
    let served = serve(lutong_transport::server::ListenConfig::default()).await;
    let bed = Bed::new(Engine::Sqlite);
    bed.mesh
        .bind(ServiceName::Declaration, router(&bed, &Handler::default()));
    let local = bed.mesh.channel(ServiceName::Declaration, Caller::RiskRules);
    let calls: [(&str, MeshChannel); 2] = [("by wire", served.peer("risk-rules")), ("at home", local)];
    for (name, channel) in calls {
        let caller = tracing::info_span!("caller", otel.name = name);
        ask(channel, "", LONG).instrument(caller).await.unwrap();
    }
    flushed(telemetry).await;

    let spans = spans(&mut exported);
    for name in ["by wire", "at home"] {
        let caller = spans.iter().find(|(_, span)| span.name == name);
        let (service, caller) = caller.unwrap_or_else(|| panic!("no span {name}: {spans:?}"));
        assert_eq!(service, "lutong-risk-rules");
        assert!(caller.parent_span_id.is_empty());
        let of_it = spans
            .iter()
            .map(|(_, span)| span)
            .filter(|span| span.parent_span_id == caller.span_id)
            .collect::<Vec<_>>();
        assert_eq!(of_it.len(), 1, "{name}: {spans:?}");
        assert_eq!(of_it[0].name, RPC);
        assert_eq!(of_it[0].trace_id, caller.trace_id);
        assert_eq!(
            of_it[0].kind,
            opentelemetry_proto::tonic::trace::v1::span::SpanKind::Server as i32
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_calls_nothing() {
    let away = {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.local_addr().unwrap()
    };
    let telemetry = telemetry::init(&traced_to(away), "declaration").unwrap();
    let bed = Bed::new(Engine::Sqlite);
    bed.mesh
        .bind(ServiceName::Declaration, router(&bed, &Handler::default()));
    let begun = std::time::Instant::now();
    for _ in 0..100 {
        let local = bed.mesh.channel(ServiceName::Declaration, Caller::RiskRules);
        ask(local, "", LONG).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    tokio::time::timeout(LONG, flushed(telemetry))
        .await
        .expect("the process ends all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_count_each_call_by_method_and_code_and_time_it() {
    let telemetry = telemetry::init(&TelemetryConfig::default(), "declaration").unwrap();
    let bed = Bed::new(Engine::Sqlite);
    bed.mesh
        .bind(ServiceName::Declaration, router(&bed, &Handler::default()));
    for (caller, code) in [
        (Caller::RiskRules, Code::Ok),
        (Caller::Identity, Code::Ok),
        (Caller::Operator, Code::PermissionDenied),
    ] {
        let channel = bed.mesh.channel(ServiceName::Declaration, caller);
        let answer = ask(channel, "", LONG).await;
        assert_eq!(answer.err().map_or(Code::Ok, |status| status.code()), code);
    }
    let text = telemetry.render()();
    let has = |line: String| {
        assert!(text.lines().any(|other| other == line), "no line {line}\n{text}");
    };
    has(format!("lutong_calls_total{{rpc=\"{RPC}\",code=\"OK\"}} 2"));
    has(format!(
        "lutong_calls_total{{rpc=\"{RPC}\",code=\"PERMISSION_DENIED\"}} 1"
    ));
    has(format!("lutong_call_seconds_count{{rpc=\"{RPC}\"}} 3"));
    has(format!("lutong_call_seconds_bucket{{rpc=\"{RPC}\",le=\"10\"}} 3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_or_an_endpoint_that_does_not_read_names_its_setting() {
    let (collector, _exported) = collector().await;
    let wrong_filter = TelemetryConfig {
        log: "lutong=loud".to_owned(),
        ..traced_to(collector)
    };
    let error = telemetry::init(&wrong_filter, "declaration").err().unwrap();
    assert!(error.to_string().starts_with("telemetry.log: "), "{error}");
    let wrong_endpoint = TelemetryConfig {
        otlp_endpoint: Some("not a URI".to_owned()),
        ..TelemetryConfig::default()
    };
    let error = telemetry::init(&wrong_endpoint, "declaration").err().unwrap();
    assert!(
        error.to_string().starts_with("telemetry.otlp_endpoint: "),
        "{error}"
    );
    // Neither failure has set anything up.
    let _telemetry = telemetry::init(&TelemetryConfig::default(), "declaration").unwrap();
    let twice = telemetry::init(&TelemetryConfig::default(), "declaration").err();
    assert!(matches!(twice, Some(TelemetryError::Twice)), "{twice:?}");
}
