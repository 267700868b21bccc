//! All services in one process: SQLite files in the data folder, keys beside them, in-process calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lutong_chassis::{Foundation, KeyFolder};
use lutong_kernel::{Clock, Random, Secret, ServiceName};
use lutong_operating::health::Readiness;
use lutong_operating::private;
use lutong_storage::StorageConfig;
use lutong_storage::outbox::Doorbell;
use lutong_transport::access::AccessTable;
use lutong_transport::client::LocalMesh;
use lutong_transport::server::{Listener, TransportSecurity};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::StartError;
use crate::certified;
use crate::config::NodeConfig;
use crate::keys::MeshKeys;
use crate::running::{Background, Running, serve_admin};
use crate::wiring::{self, Links};

/// The storage settings of a service.
pub fn storage(data: &Path, service: ServiceName) -> StorageConfig {
    let file = database(data, service);
    StorageConfig {
        url: Secret::new(format!("sqlite://{}", file.display())),
        ..StorageConfig::default()
    }
}

/// The folder of the keys, which are created on the first start. If the data folder is already used, a missing key file
/// was lost and is not recreated.
pub fn keys(data: &Path) -> KeyFolder {
    let used = ServiceName::WITH_STORAGE
        .into_iter()
        .any(|service| is_used(data, service));
    let path = data.join("keys");
    KeyFolder {
        // A service's own key file is checked against its database; the mesh's key file only against whether any
        // database exists.
        makes: !used,
        path,
    }
}

/// Whether a service already has a database in the folder.
pub fn is_used(data: &Path, service: ServiceName) -> bool {
    std::fs::metadata(database(data, service)).is_ok_and(|file| file.len() > 0)
}

fn database(data: &Path, service: ServiceName) -> PathBuf {
    data.join("db").join(format!("{service}.db"))
}

/// The foundation of all services of the process.
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
        closing: CancellationToken::new(),
        keys: KeyFolder::making(keys(&config.data).path),
        health: None,
    })
}

/// Starts all services. The process serves when this returns, and is ready when every dependency answers.
pub async fn start(
    config: &NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Result<Running, StartError> {
    let folder = claim(&config.data)?;
    // Bound first, so that an address in use is detected before anything is built.
    let security = TransportSecurity::Plain(None);
    let listener = Listener::bind(config.gateway.listen, config.server.clone(), security).await;
    let failed = |source| StartError::Listen {
        address: config.gateway.listen,
        source,
    };
    let listener = listener.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    let certified = certified::bind(config).await?;
    let [staff_address, partner_address] = certified.addresses();
    let mesh_keys = MeshKeys::open(&keys(&config.data), &*random)?;
    let foundation = foundation(config, clock, random, &mesh_keys)?;
    let (mesh, readiness) = (LocalMesh::new(), Readiness::default());
    let (mut background, mut listening) = (Background::default(), JoinSet::new());
    let links = Links::Local(&mesh);
    // The services' databases are opened and migrated concurrently.
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
        let Some(component) = component? else { continue };
        let service = component.service;
        mesh.bind(service, background.take(component));
    }
    let gateway = wiring::build_gateway(&foundation, config, &links, mesh_keys.session, None, &readiness)?;
    let edge = background.take(gateway);
    let (stop_listening, stop_background) = (foundation.closing.clone(), foundation.stop.clone());
    if let Some(admin) = config.admin_listen {
        serve_admin(
            admin,
            readiness.routes(metrics),
            stop_background.clone(),
            &mut background.tasks,
        )
        .await?;
    }
    for listener in [Some(listener), certified.staff, certified.partners]
        .into_iter()
        .flatten()
    {
        listening.spawn(listener.serve(edge.clone(), stop_listening.clone()));
    }
    let background = background.watch(&readiness, stop_background.clone());
    Ok(Running {
        address,
        staff_address,
        partner_address,
        readiness,
        listening,
        background,
        stop_listening,
        stop_background,
        limits: config.server.clone(),
        folder: Some(folder),
    })
}

/// Creates the folder of the databases with mode 0700, and removes permissions of others that an older version left.
pub fn prepare(data: &Path) -> Result<(), StartError> {
    let failed = |error: std::io::Error| StartError::Data {
        path: data.to_owned(),
        reason: error.to_string(),
    };
    let (databases, keys) = (data.join("db"), data.join("keys"));
    private::create_folder(&databases).map_err(failed)?;
    for service in ServiceName::WITH_STORAGE {
        private::touch(&database(data, service)).map_err(failed)?;
    }
    let mut changed = private::tighten(&databases).map_err(failed)?;
    if keys.exists() {
        // Key files with loose permissions are refused rather than tightened: others may have read them.
        changed.extend(private::tighten_folder(&keys).map_err(failed)?);
    }
    for path in changed {
        tracing::warn!(path = %path.display(), "others could read this; only the owner can now");
    }
    Ok(())
}

/// Locks the data folder: another process's writes would make this one's cached rows stale.
fn claim(data: &Path) -> Result<std::fs::File, StartError> {
    let failed = |reason: String| StartError::Data {
        path: data.to_owned(),
        reason,
    };
    prepare(data)?;
    let lock = std::fs::File::create(data.join("lock")).map_err(|error| failed(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(failed("another lutong serves from this folder".to_owned()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error.to_string())),
    }
}
