//! Logs (JSON on standard error), traces (OTLP), metrics (Prometheus). Nothing personal in any of them.

use std::time::Duration;

use http::HeaderMap;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::{Deserialize, Serialize};
use tonic::Code;
use tonic::metadata::MetadataMap;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Settings of logs and traces.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Filter of the log, for example `info` or `warn,lutong=debug`.
    pub log: String,
    /// `json`, or `text` for people.
    pub format: LogFormat,
    /// OTLP collector over gRPC, for example `http://127.0.0.1:4317`; none: no traces.
    pub otlp_endpoint: Option<String>,
    /// Sampling ratio of new traces, 0 to 1.
    pub trace_ratio: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            // Migrations log many lines of little use.
            log: "info,sea_orm_migration=warn".to_owned(),
            format: LogFormat::Json,
            otlp_endpoint: None,
            trace_ratio: 0.01,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry.log: {0}")]
    Filter(String),
    #[error("telemetry.otlp_endpoint: {0}")]
    Exporter(String),
    #[error("telemetry was set up twice in one process")]
    Twice,
}

/// Owns the exporters; dropping it flushes pending traces.
pub struct Telemetry {
    metrics: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Renders the metrics in Prometheus' text format.
    pub fn render(&self) -> impl Fn() -> String + Clone + Send + Sync + 'static {
        let handle = self.metrics.clone();
        move || handle.render()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.traces.take()
            && let Err(error) = provider.shutdown()
        {
            eprintln!("traces could not be flushed: {error}");
        }
    }
}

/// Sets up logging, tracing and metrics for the process; an error the second time.
pub fn init(config: &TelemetryConfig, service: &str) -> Result<Telemetry, TelemetryError> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .map_err(|error| TelemetryError::Filter(error.to_string()))?;
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match config.format {
        LogFormat::Json => log.json().flatten_event(true).boxed(),
        LogFormat::Text => log.compact().boxed(),
    };
    let traces = config
        .otlp_endpoint
        .as_deref()
        .map(|endpoint| tracer(endpoint, config, service))
        .transpose()?;
    let layer = traces.as_ref().map(|provider| {
        TRACING.store(true, std::sync::atomic::Ordering::Relaxed);
        // Not subject to the log filter: a quiet log would also suppress the traces.
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("lutong"))
            .with_filter(LevelFilter::INFO)
    });
    tracing_subscriber::registry()
        .with(layer)
        .with(log.with_filter(filter))
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    log_panics();
    Ok(Telemetry {
        metrics: metrics_handle()?,
        traces,
    })
}

/// Installs the process's metrics recorder.
fn metrics_handle() -> Result<PrometheusHandle, TelemetryError> {
    let seconds = [
        0.000_1, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|_| TelemetryError::Twice)
}

fn tracer(
    endpoint: &str,
    config: &TelemetryConfig,
    service: &str,
) -> Result<SdkTracerProvider, TelemetryError> {
    use opentelemetry_sdk::trace::Sampler;

    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| TelemetryError::Exporter(error.to_string()))?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.trace_ratio)));
    let resource = opentelemetry_sdk::Resource::builder()
        .with_service_name(format!("lutong-{service}"))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build())
}

/// Logs a panic as one line with its source location. The payload is left out: it may hold personal data.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

static TRACING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

fn traced() -> bool {
    TRACING.load(std::sync::atomic::Ordering::Relaxed)
}

struct Headers<'a>(&'a HeaderMap);

impl opentelemetry::propagation::Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct Metadata<'a>(&'a mut MetadataMap);

impl opentelemetry::propagation::Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (
            key.parse::<tonic::metadata::MetadataKey<tonic::metadata::Ascii>>(),
            value.parse(),
        ) {
            self.0.insert(key, value);
        }
    }
}

/// The span of one call, continuing the caller's trace; an empty span when tracing is off.
pub fn call_span(rpc: &'static str, headers: &HeaderMap) -> tracing::Span {
    if !traced() {
        return tracing::Span::none();
    }
    let span = tracing::info_span!("rpc", otel.name = rpc, otel.kind = "server");
    let parent = TraceContextPropagator::new().extract(&Headers(headers));
    let _ = span.set_parent(parent);
    span
}

/// The id of the trace that a span belongs to; `None` when tracing is off.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    if !traced() {
        return None;
    }
    let context = span.context();
    let context = opentelemetry::trace::TraceContextExt::span(&context)
        .span_context()
        .clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// Writes the current trace context into outgoing metadata.
pub fn inject(metadata: &mut MetadataMap) {
    if traced() {
        let context = tracing::Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut Metadata(metadata));
    }
}

/// Counts one finished call.
fn count_call(rpc: &'static str, code: &'static str, took: Duration) {
    metrics::counter!("lutong_calls_total", "rpc" => rpc, "code" => code).increment(1);
    metrics::histogram!("lutong_call_seconds", "rpc" => rpc).record(took.as_secs_f64());
}

/// Times a call. If it is dropped before [`CallTimer::finish`], the client has gone and the call is counted as
/// CANCELLED.
#[derive(Debug)]
pub struct CallTimer {
    rpc: &'static str,
    started: std::time::Instant,
    counted: bool,
}

impl CallTimer {
    pub fn start(rpc: &'static str) -> Self {
        Self {
            rpc,
            started: std::time::Instant::now(),
            counted: false,
        }
    }

    /// Counts the call with the code of its answer; returns its duration.
    pub fn finish(mut self, code: Code) -> Duration {
        self.counted = true;
        let took = self.started.elapsed();
        count_call(self.rpc, code_name(code), took);
        took
    }
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        if !self.counted {
            count_call(self.rpc, code_name(Code::Cancelled), self.started.elapsed());
        }
    }
}

/// A code as `google.rpc.Code` names it; also its label in metrics.
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
