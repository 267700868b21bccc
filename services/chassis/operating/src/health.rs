//! Liveness is shallow (the process answers), readiness is deep (every dependency that it needs answers).
//!
//! A dependency is needed in one of three ways ([`Need`]): always (the database), for the first start (a peer without
//! which the process would refuse every call), or never (a peer that only some calls need). When a dependency that is
//! no longer needed goes away, the process reports itself degraded and stays ready: otherwise one absent service would
//! take the whole edge out of service.

mod dependency;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures::future::{BoxFuture, join_all};
use lutong_kernel::Clock as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

pub use dependency::{Dependency, Need, State};

use crate::pause::pause;
use crate::wall_clock::WallClock;

/// A dependency that does not answer in this time counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// The check of one dependency; its error says what is wrong and what to do.
pub struct Check {
    pub name: String,
    pub run: Box<dyn Fn() -> BoxFuture<'static, Result<(), Trouble>> + Send + Sync>,
    need: Need,
}

/// Why a dependency does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer, or not yet.
    Away(String),
    /// It answers but is misconfigured: an operator has to correct the set-up.
    Wrong(String),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self::Away(reason)
    }
}

impl Check {
    pub fn new<F, Fut, E>(name: impl Into<String>, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Trouble>,
    {
        Self {
            name: name.into(),
            run: Box::new(move || {
                let running = run();
                Box::pin(async move { running.await.map_err(Into::into) })
            }),
            need: Need::Always,
        }
    }

    /// Replaces the default, [`Need::Always`].
    #[must_use]
    pub fn with_need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    async fn outcome(&self) -> Result<(), Trouble> {
        match tokio::time::timeout(PATIENCE, (self.run)()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Trouble::Away(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }
}

/// Whether this process is ready, for the gRPC health service and for `/healthz/ready`.
#[derive(Clone)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
    reporter: HealthReporter,
    dependencies: Arc<Mutex<Vec<Dependency>>>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            ready: Arc::new(AtomicBool::new(false)),
            draining: Arc::new(AtomicBool::new(false)),
            reporter: HealthReporter::new(),
            dependencies: Arc::default(),
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

    /// Adds the gRPC health service of this process to `routes`.
    pub fn add_health(&self, routes: Routes) -> Routes {
        let health = HealthService::from_health_reporter(self.reporter.clone());
        routes.add_service(HealthServer::new(health))
    }

    /// The current state of each dependency.
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.dependencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reports not ready from now on, whatever the checks find.
    pub async fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.reporter
            .set_service_status("", ServingStatus::NotServing)
            .await;
    }

    /// Runs the checks until `stop`; logs each change once, with what to do.
    pub async fn watch(self, checks: Vec<Check>, stop: CancellationToken) {
        // Set before the first check ends: without a status the health service answers NOT_FOUND.
        self.reporter
            .set_service_status("", ServingStatus::NotServing)
            .await;
        let mut logged = None;
        let mut was_ready = false;
        loop {
            let outcomes = join_all(checks.iter().map(Check::outcome)).await;
            let now = WallClock.now();
            let dependencies: Vec<_> = {
                let before = self.dependencies();
                let stand = checks.iter().zip(outcomes);
                stand
                    .map(|(check, outcome)| Dependency::of(&check.name, check.need, outcome, &before, now))
                    .collect()
            };
            let ready = !dependencies
                .iter()
                .any(|dependency| dependency.blocks_readiness(was_ready));
            was_ready |= ready;
            let states: Vec<_> = dependencies.iter().map(Dependency::log_key).collect();
            *self.dependencies.lock().unwrap_or_else(PoisonError::into_inner) = dependencies;
            self.ready.store(ready, Ordering::Relaxed);
            if logged.as_ref() != Some(&(ready, states.clone())) {
                self.report(ready).await;
                logged = Some((ready, states));
            }
            let wrong = self.dependencies().iter().any(|one| one.state == State::Wrong);
            let interval = match (ready, wrong) {
                (true, _) => Duration::from_secs(2),
                // Retrying fast does not help: an operator has to act.
                (false, true) => Duration::from_secs(1),
                (false, false) => Duration::from_millis(200),
            };
            if pause(interval, &stop).await {
                return;
            }
        }
    }

    async fn report(&self, ready: bool) {
        if self.draining.load(Ordering::Relaxed) {
            return;
        }
        let dependencies = self.dependencies();
        let troubled: Vec<_> = dependencies.iter().filter_map(Dependency::trouble).collect();
        let wrong = troubled.join("; ");
        for dependency in &dependencies {
            let up = if dependency.state == State::Ready {
                1.0
            } else {
                0.0
            };
            metrics::gauge!("lutong_dependency_up", "dependency" => dependency.name.clone()).set(up);
        }
        let status = match (ready, wrong.is_empty()) {
            (true, true) => {
                tracing::info!("ready");
                ServingStatus::Serving
            }
            (true, false) => {
                tracing::warn!(wrong, "ready, and degraded: some calls will be refused");
                ServingStatus::Serving
            }
            (false, _) => {
                tracing::warn!(wrong, "not ready: waiting for a part to come back");
                ServingStatus::NotServing
            }
        };
        self.reporter.set_service_status("", status).await;
    }

    /// `/healthz/live`, `/healthz/ready`, `/metrics`: for the orchestrator and Prometheus, never public.
    pub fn routes(&self, metrics: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
        let readiness = self.clone();
        Router::new()
            .route("/healthz/live", get(|| async { "alive" }))
            .route(
                "/healthz/ready",
                get(move || async move {
                    let ready = readiness.is_ready();
                    let code = if ready {
                        StatusCode::OK
                    } else {
                        StatusCode::SERVICE_UNAVAILABLE
                    };
                    let dependencies = readiness.dependencies();
                    let degraded = dependencies
                        .iter()
                        .any(|dependency| dependency.trouble().is_some());
                    let draining = readiness.draining.load(Ordering::Relaxed);
                    let body = json!({
                        "ready": ready,
                        "degraded": degraded,
                        "draining": draining,
                        "dependencies": dependencies,
                    });
                    (code, axum::Json(body)).into_response()
                }),
            )
            .route("/metrics", get(move || async move { metrics() }))
    }
}
