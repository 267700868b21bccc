//! A serving process, and its shutdown: not ready, wait, finish, hard deadline.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use lutong_chassis::Component;
use lutong_operating::health::{Check, Readiness};
use lutong_transport::server::ListenConfig;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::StartError;

/// How long background work may take to end; unfinished work resumes at the next start.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(3);

/// Everything that runs in this process.
pub struct Running {
    /// Address on which the gateway, or the one service, listens.
    pub address: SocketAddr,
    /// Address of the listener for staff and feeds, if there is one.
    pub staff_address: Option<SocketAddr>,
    /// Address of the listener for partners, if there is one.
    pub partner_address: Option<SocketAddr>,
    pub(crate) readiness: Readiness,
    pub(crate) listening: JoinSet<()>,
    pub(crate) background: JoinSet<()>,
    pub(crate) stop_listening: CancellationToken,
    pub(crate) stop_background: CancellationToken,
    pub(crate) limits: ListenConfig,
    /// The lock on the data folder, held while the process serves.
    pub(crate) folder: Option<std::fs::File>,
}

impl Running {
    pub fn is_ready(&self) -> bool {
        self.readiness.is_ready()
    }

    /// Drains and shuts down.
    pub async fn stop(mut self) {
        self.readiness.drain().await;
        tokio::time::sleep(Duration::from_millis(self.limits.drain_wait_ms)).await;
        self.stop_listening.cancel();
        while self.listening.join_next().await.is_some() {}
        self.stop_background.cancel();
        let ended = async { while self.background.join_next().await.is_some() {} };
        if tokio::time::timeout(BACKGROUND_TIMEOUT, ended).await.is_err() {
            tracing::warn!("background work did not end in time and is cut off");
        }
        drop(self.folder);
    }

    /// Serves until SIGTERM or SIGINT.
    pub async fn until_signal(self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        tracing::info!("stopping");
        self.stop().await;
        Ok(())
    }
}

/// Background tasks and readiness checks of this process's components.
#[derive(Default)]
pub struct Background {
    pub checks: Vec<Check>,
    pub tasks: JoinSet<()>,
}

impl Background {
    /// Takes over a component's checks and tasks, and returns its router.
    pub fn take<R>(&mut self, component: Component<R>) -> R {
        self.checks.extend(component.checks);
        for task in component.tasks {
            self.tasks.spawn(task);
        }
        component.router
    }

    /// Runs the readiness checks until `stop`.
    pub fn watch(mut self, readiness: &Readiness, stop: CancellationToken) -> JoinSet<()> {
        self.tasks.spawn(readiness.clone().watch(self.checks, stop));
        self.tasks
    }
}

/// Serves the admin routes for the orchestrator.
pub async fn serve_admin(
    address: SocketAddr,
    routes: Router,
    stop: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<(), StartError> {
    let socket = TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })?;
    tasks.spawn(async move {
        let served = axum::serve(socket, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the admin port is closed");
        }
    });
    Ok(())
}
