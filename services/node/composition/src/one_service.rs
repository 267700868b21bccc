//! One service of the mesh: peers by address, mTLS, PostgreSQL, Redis.

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::{BuildError, Foundation, KeyFolder};
use lutong_kernel::{Clock, Random, ServiceName};
use lutong_operating::health::{Check, Readiness, Trouble};
use lutong_operating::tls;
use lutong_operating::tls::certificate::Validity;
use lutong_storage::Database;
use lutong_storage::installation::{InstallationError, ServiceDatabase};
use lutong_storage::outbox::Doorbell;
use lutong_transport::access::AccessTable;
use lutong_transport::peer::Probe;
use lutong_transport::server::{Listener, TransportSecurity};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::StartError;
use crate::certified;
use crate::config::NodeConfig;
use crate::keys::MeshKeys;
use crate::preflight;
use crate::running::{Background, Running, serve_admin};
use crate::wiring::{self, Links};

/// Interval of polling a database that is away or not migrated yet.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// Starts `service`. It serves when this returns, and is ready when its database answers. While the database is away
/// this waits, alive and not ready: nothing is served before database and keys are known to belong to this service.
pub async fn start(
    service: ServiceName,
    config: &NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Result<Running, StartError> {
    let keys = KeyFolder::given(&config.keys);
    let mesh_keys = MeshKeys::open(&keys, &*random)?;
    let readiness = Readiness::default();
    let foundation = Foundation {
        clock,
        random,
        access: AccessTable::from_contract().map_err(|error| StartError::Contract(error.to_string()))?,
        principal_key: mesh_keys.principal.clone(),
        bell: doorbell(config)?,
        stop: CancellationToken::new(),
        closing: CancellationToken::new(),
        keys,
        health: Some(readiness.clone()),
    };
    let (mut background, mut listening) = (Background::default(), JoinSet::new());
    let (stop_listening, stop_background) = (foundation.closing.clone(), foundation.stop.clone());
    if let Some(admin) = config.admin_listen {
        let routes = readiness.routes(metrics);
        serve_admin(admin, routes, stop_background.clone(), &mut background.tasks).await?;
    }
    if service != ServiceName::Gateway {
        wait_for_database(service, config, &readiness).await?;
    }
    let listener = bind(service, config).await?;
    let address = listener.address().map_err(|source| StartError::Listen {
        address: config.listen,
        source,
    })?;
    let (mut staff_address, mut partner_address) = (None, None);
    let links = Links::Remote(config);
    background.checks = dependencies(service, config, &foundation, &links)?;
    if let Some(component) = wiring::build(service, &foundation, &config.storage, config, &links).await? {
        let router = background.take(component);
        listening.spawn(listener.serve(router, stop_listening.clone()));
    } else {
        let (keys, redis) = (mesh_keys.session, config.redis.clone());
        let gateway = wiring::build_gateway(&foundation, config, &links, keys, redis, &readiness)?;
        let edge = background.take(gateway);
        let certified = certified::bind(config).await?;
        [staff_address, partner_address] = certified.addresses();
        for listener in [Some(listener), certified.staff, certified.partners]
            .into_iter()
            .flatten()
        {
            listening.spawn(listener.serve(edge.clone(), stop_listening.clone()));
        }
    }
    for producer in wiring::followed(service) {
        let bridge = foundation
            .bell
            .clone()
            .run_bridge(*producer, stop_background.clone());
        background.tasks.spawn(bridge);
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
        folder: None,
    })
}

/// Waits until the database answers and is migrated; fails if it belongs to another service.
async fn wait_for_database(
    service: ServiceName,
    config: &NodeConfig,
    readiness: &Readiness,
) -> Result<(), StartError> {
    let target = ServiceDatabase::new(service, &config.storage);
    let refused = |source: InstallationError| StartError::Build(BuildError::Installation { service, source });
    let storage = &config.storage;
    let database = Database::connect(storage)
        .await
        .map_err(|error| refused(error.into()))?;
    let found = CancellationToken::new();
    let waiting = {
        let (database, target) = (database.clone(), target.clone());
        let storage = Check::new(format!("{service} storage"), move || {
            let (database, target) = (database.clone(), target.clone());
            async move {
                let looked = wiring::installed(service, &database, &target).await;
                looked.map_err(|error| error.to_string())
            }
        });
        // Not ready whatever the database answers: nothing is served yet.
        let starting = || async { Err(Trouble::Away("正在启动 / starting".to_owned())) };
        let checks = vec![Check::new("start", starting), storage];
        tokio::spawn(readiness.clone().watch(checks, found.clone()))
    };
    let outcome = loop {
        match wiring::installed(service, &database, &target).await {
            Ok(()) => break Ok(()),
            Err(error) if error.may_pass() => tokio::time::sleep(POLL_EVERY).await,
            Err(error) => break Err(refused(error)),
        }
    };
    found.cancel();
    // The watcher ends at its next pause.
    let _ = waiting.await;
    outcome
}

/// The dependencies of this process besides its database.
fn dependencies(
    service: ServiceName,
    config: &NodeConfig,
    foundation: &Foundation,
    links: &Links<'_>,
) -> Result<Vec<Check>, StartError> {
    let mut checks = Vec::new();
    checks.extend(preflight::validity(service, config, &*foundation.clock).map(Validity::check));
    for peer in wiring::peers(service) {
        let probe = Probe {
            from: service,
            to: *peer,
            addresses: config.peers.of(*peer).to_owned(),
            ca: config.tls.ca.clone(),
            channel: links.channel(service, *peer)?,
            key: foundation.principal_key.clone(),
            clock: Arc::clone(&foundation.clock),
        };
        checks.push(probe.check(wiring::need(service, *peer)));
    }
    Ok(checks)
}

/// The gateway's public listener is plain (TLS is terminated before it); a service accepts only peers with a mesh
/// certificate.
async fn bind(service: ServiceName, config: &NodeConfig) -> Result<Listener, StartError> {
    let (address, security) = match service {
        ServiceName::Gateway => (config.gateway.listen, TransportSecurity::Plain(None)),
        _ => (
            config.listen,
            TransportSecurity::Mutual(tls::server_config(&config.tls)?),
        ),
    };
    Listener::bind(address, config.server.clone(), security)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

fn doorbell(config: &NodeConfig) -> Result<Doorbell, StartError> {
    let Some(url) = &config.redis else {
        return Ok(Doorbell::local());
    };
    let client = redis::Client::open(url.as_str()).map_err(|error| StartError::Setting {
        key: "redis",
        reason: error.to_string(),
    })?;
    Ok(Doorbell::redis(client))
}
