//! Readiness is deep, liveness shallow: alive means the process answers; ready means each part it needs answers.
//!
//! A dependency is needed in one of three ways ([`Need`]): always (the database), to begin with (a peer without which the
//! process would only refuse), or not at all (a peer whose absence is felt by some calls only). One that is away and
//! not needed any more makes the process degraded, which is said and changes nothing: were it not ready then, one
//! service that is away would take the whole edge with it.

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

use crate::wall_clock::WallClock;

/// A dependency that does not answer within this is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// One thing that must answer before this process is ready; the error says what is wrong and what to do.
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
    /// It answers, and is not what it should be: somebody has to correct the set-up.
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

    /// The same, needed otherwise than always.
    #[must_use]
    pub fn needed(mut self, need: Need) -> Self {
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

    /// The gRPC health service of this process, to be served beside others.
    pub fn add_health(&self, routes: Routes) -> Routes {
        let health = HealthService::from_health_reporter(self.reporter.clone());
        routes.add_service(HealthServer::new(health))
    }

    /// How each dependency stands.
    pub fn dependencies(&self) -> Vec<Dependency> {
        self.dependencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
        // Not serving is said before anybody asks: without a status the health service knows no such process.
        self.reporter
            .set_service_status("", ServingStatus::NotServing)
            .await;
        let mut said = None;
        let mut began = false;
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
            let ready = !dependencies.iter().any(|dependency| dependency.withholds(began));
            began |= ready;
            let states: Vec<_> = dependencies.iter().map(Dependency::said).collect();
            *self.dependencies.lock().unwrap_or_else(PoisonError::into_inner) = dependencies;
            self.ready.store(ready, Ordering::Relaxed);
            if said.as_ref() != Some(&(ready, states.clone())) {
                self.report(ready).await;
                said = Some((ready, states));
            }
            let wrong = self.dependencies().iter().any(|one| one.state == State::Wrong);
            let pause = match (ready, wrong) {
                (true, _) => Duration::from_secs(2),
                // Only somebody's hand helps.
                (false, true) => Duration::from_secs(1),
                (false, false) => Duration::from_millis(200),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
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
