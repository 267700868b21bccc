//! Readiness is deep, liveness shallow: alive means the process answers; ready means each part it needs answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// One thing that must answer before this process is ready; the error says what is wrong and what to do.
pub struct Check {
    pub name: String,
    pub run: Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

impl Check {
    pub fn new<F, Fut>(name: impl Into<String>, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self {
            name: name.into(),
            run: Box::new(move || Box::pin(run())),
        }
    }
}

/// Whether this process is ready, for the gRPC health service and for `/healthz/ready`.
#[derive(Clone)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
    reporter: HealthReporter,
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            ready: Arc::new(AtomicBool::new(false)),
            draining: Arc::new(AtomicBool::new(false)),
            reporter: HealthReporter::new(),
        }
    }
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && !self.draining.load(Ordering::Relaxed)
    }

    pub fn reporter(&self) -> &HealthReporter {
        &self.reporter
    }

    /// From now on not ready, whatever the checks say.
    pub async fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.reporter
            .set_service_status("", ServingStatus::NotServing)
            .await;
    }

    /// Runs the checks until `stop`; a change is logged once, with what to do.
    pub async fn watch(self, checks: Vec<Check>, stop: CancellationToken) {
        let mut said = String::from("starting");
        loop {
            let mut wrong = Vec::new();
            for check in &checks {
                match tokio::time::timeout(Duration::from_secs(2), (check.run)()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(reason)) => wrong.push(format!("{}: {reason}", check.name)),
                    Err(_) => wrong.push(format!("{}: no answer within 2 s", check.name)),
                }
            }
            let now = wrong.join("; ");
            self.ready.store(wrong.is_empty(), Ordering::Relaxed);
            if now != said {
                self.report(&now).await;
                said = now;
            }
            let pause = if wrong.is_empty() {
                Duration::from_secs(2)
            } else {
                Duration::from_millis(200)
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn report(&self, wrong: &str) {
        if self.draining.load(Ordering::Relaxed) {
            return;
        }
        if wrong.is_empty() {
            tracing::info!("ready");
            self.reporter.set_service_status("", ServingStatus::Serving).await;
        } else {
            tracing::warn!(wrong, "not ready: waiting for a part to come back");
            self.reporter
                .set_service_status("", ServingStatus::NotServing)
                .await;
        }
    }

    /// `/healthz/live`, `/healthz/ready`, `/metrics`: for the orchestrator and Prometheus, never public.
    pub fn routes(&self, metrics: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
        let readiness = self.clone();
        Router::new()
            .route("/healthz/live", get(|| async { "alive" }))
            .route(
                "/healthz/ready",
                get(move || async move {
                    if readiness.is_ready() {
                        (StatusCode::OK, "ready")
                    } else {
                        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
                    }
                }),
            )
            .route("/metrics", get(move || async move { metrics() }))
    }
}
