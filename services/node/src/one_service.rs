//! One service of the mesh: peers by address, mTLS, PostgreSQL, Redis.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_chassis::access::AccessTable;
use lutong_chassis::health::{Check, Readiness};
use lutong_chassis::outbox::Doorbell;
use lutong_chassis::server::{Listener, TransportSecurity};
use lutong_chassis::tls;
use lutong_gateway::{Gateway, Peers};
use lutong_kernel::{Clock, Random, ServiceName};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::StartError;
use crate::config::NodeConfig;
use crate::keys::MeshKeys;
use crate::running::{Running, serve_admin};
use crate::wiring::{self, Links};

/// Starts `service`; serving when this returns, ready when its database answers.
pub async fn start(
    service: ServiceName,
    config: &NodeConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    metrics: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> Result<Running, StartError> {
    let listener = bind(service, config).await?;
    let address = listener.address().map_err(|source| StartError::Listen {
        address: config.listen,
        source,
    })?;
    let mesh_keys = MeshKeys::open(&config.keys, &*random)?;
    let foundation = Foundation {
        clock,
        random,
        access: AccessTable::from_contract().map_err(|error| StartError::Contract(error.to_string()))?,
        principal_key: mesh_keys.principal.clone(),
        bell: doorbell(config)?,
        stop: CancellationToken::new(),
        keys: config.keys.clone(),
    };
    let links = Links::Remote(config);
    let readiness = Readiness::default();
    let (mut background, mut listening) = (JoinSet::new(), JoinSet::new());
    let (stop_listening, stop_background) = (CancellationToken::new(), foundation.stop.clone());
    let built = wiring::build(service, &foundation, &config.storage, config, &links).await;
    let built = built.map_err(|error| match error {
        wiring::WiringError::Build(error) => StartError::Build(error),
        wiring::WiringError::Tls(error) => StartError::Tls(error),
    })?;
    let mut checks: Vec<Check> = Vec::new();
    if let Some(component) = built {
        checks.extend(component.checks);
        component
            .tasks
            .into_iter()
            .for_each(|task| drop(background.spawn(task)));
        listening.spawn(listener.serve(component.router, stop_listening.clone()));
    } else {
        let peers = ServiceName::WITH_STORAGE.map(|other| links.channel(service, other));
        let peers = peers.into_iter().collect::<Result<Peers, _>>()?;
        let redis = config.redis.clone();
        let gateway = Gateway::build(
            &foundation,
            &config.gateway,
            peers,
            mesh_keys.session,
            redis,
            &readiness,
        )?;
        background.spawn(gateway.follow_accounts(stop_background.clone()));
        listening.spawn(listener.serve(gateway.service(), stop_listening.clone()));
    }
    for producer in wiring::followed(service) {
        background.spawn(
            foundation
                .bell
                .clone()
                .run_bridge(*producer, stop_background.clone()),
        );
    }
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
    Ok(Running {
        address,
        readiness,
        listening,
        background,
        stop_listening,
        stop_background,
        limits: config.server.clone(),
        folder: None,
    })
}

/// The gateway is public and plain (TLS ends before it); a service takes peers with a certificate of the mesh only.
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
