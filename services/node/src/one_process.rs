//! Everything in one process: SQLite files under the data folder, keys beside them, in-process calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_chassis::access::AccessTable;
use lutong_chassis::client::LocalMesh;
use lutong_chassis::health::Readiness;
use lutong_chassis::outbox::Doorbell;
use lutong_chassis::server::{Listener, TransportSecurity};
use lutong_chassis::storage::StorageConfig;
use lutong_gateway::{Gateway, Peers};
use lutong_kernel::{Clock, Random, Secret, ServiceName};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::StartError;
use crate::config::NodeConfig;
use crate::keys::MeshKeys;
use crate::running::{Running, serve_admin};
use crate::wiring::{self, Links};

/// Where a service's database lies in one process.
pub fn storage(data: &Path, service: ServiceName) -> StorageConfig {
    let file = data.join("db").join(format!("{service}.db"));
    StorageConfig {
        url: Secret::new(format!("sqlite://{}", file.display())),
        ..StorageConfig::default()
    }
}

/// Where the keys lie.
pub fn keys(data: &Path) -> PathBuf {
    data.join("keys")
}

/// What all services of the process stand on.
pub fn foundation(
    config: &NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    mesh_keys: &MeshKeys,
) -> Result<Foundation, StartError> {
    Ok(Foundation {
        clock,
        random,
        access: AccessTable::from_contract().map_err(|error| StartError::Contract(error.to_string()))?,
        principal_key: mesh_keys.principal.clone(),
        bell: Doorbell::local(),
        stop: CancellationToken::new(),
        keys: keys(&config.data),
    })
}

/// Starts everything; serving when this returns, ready when every part answers.
pub async fn start(
    config: &NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Result<Running, StartError> {
    let folder = claim(&config.data)?;
    // Bound first: an address that is taken is known before anything is built.
    let security = TransportSecurity::Plain(None);
    let listener = Listener::bind(config.gateway.listen, config.server.clone(), security).await;
    let failed = |source| StartError::Listen {
        address: config.gateway.listen,
        source,
    };
    let listener = listener.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    let mesh_keys = MeshKeys::open(&keys(&config.data), &*random)?;
    let foundation = foundation(config, clock, random, &mesh_keys)?;
    let (mesh, readiness) = (LocalMesh::new(), Readiness::default());
    let (mut checks, mut background, mut listening) = (Vec::new(), JoinSet::new(), JoinSet::new());
    let links = Links::Local(&mesh);
    // The services' databases are opened and migrated side by side.
    let built = ServiceName::WITH_STORAGE.map(|service| {
        let (foundation, links) = (&foundation, &links);
        async move {
            wiring::build(
                service,
                foundation,
                &storage(&config.data, service),
                config,
                links,
            )
            .await
        }
    });
    for component in futures::future::join_all(built).await {
        let component = component.map_err(|error| match error {
            wiring::WiringError::Build(error) => StartError::Build(error),
            wiring::WiringError::Tls(error) => StartError::Tls(error),
        })?;
        let Some(component) = component else { continue };
        mesh.bind(component.service, component.router);
        checks.extend(component.checks);
        component
            .tasks
            .into_iter()
            .for_each(|task| drop(background.spawn(task)));
    }
    let peers = ServiceName::WITH_STORAGE.map(|service| links.channel(ServiceName::Gateway, service));
    let peers = peers.into_iter().collect::<Result<Peers, _>>()?;
    let gateway = Gateway::build(
        &foundation,
        &config.gateway,
        peers,
        mesh_keys.session,
        None,
        &readiness,
    )?;
    let (stop_listening, stop_background) = (CancellationToken::new(), foundation.stop.clone());
    if let Some(admin) = config.admin_listen {
        serve_admin(
            admin,
            readiness.routes(metrics),
            stop_background.clone(),
            &mut background,
        )
        .await?;
    }
    background.spawn(readiness.clone().watch(checks, stop_background.clone()));
    background.spawn(gateway.follow_accounts(stop_background.clone()));
    listening.spawn(listener.serve(gateway.service(), stop_listening.clone()));
    Ok(Running {
        address,
        readiness,
        listening,
        background,
        stop_listening,
        stop_background,
        limits: config.server.clone(),
        folder: Some(folder),
    })
}

/// One process serves from a data folder at a time: it keeps rows in memory that another one's writes would belie.
fn claim(data: &Path) -> Result<std::fs::File, StartError> {
    let failed = |reason: String| StartError::Data {
        path: data.to_owned(),
        reason,
    };
    std::fs::create_dir_all(data.join("db")).map_err(|error| failed(error.to_string()))?;
    let lock = std::fs::File::create(data.join("lock")).map_err(|error| failed(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(failed("another lutong serves from this folder".to_owned()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error.to_string())),
    }
}
