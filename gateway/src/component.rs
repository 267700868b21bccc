//! Putting the edge together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lutong_channels::Provider;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::{Channel, Clock, ServiceName};
use lutong_operating::health::{Check, Readiness};
use lutong_operating::tls::certificate::Validity;
use lutong_operating::tls::{TlsFiles, certificate};

use crate::config::{GatewayConfig, refused};
use crate::edge::Edge;
use crate::limits::rate::RateLimits;
use crate::openapi::{self, SessionRoutes};
use crate::pages::Pages;
use crate::peers::Peers;
use crate::rpc::Calls;
use crate::sessions::SessionKeys;
use crate::sessions::account_versions::AccountVersions;
use crate::sessions::accounts::Accounts;
use crate::sessions::certificates::Certificates;
use crate::sessions::cookie::Cookie;
use crate::sessions::csrf::CsrfTokens;
use crate::sessions::devices::Devices;
use crate::sessions::identification::Identification;
use crate::sessions::networks::NetworkHashes;
use crate::sessions::tokens::SessionTokens;
use crate::sign_in::SignIn;
use crate::sign_in::attempts::Attempts;

/// What the edge is given besides its configuration and what every service stands on.
pub struct Dependencies {
    /// A channel to each service.
    pub peers: Peers,
    pub session_keys: SessionKeys,
    /// Where the rates of all replicas are counted; none: each process counts for itself.
    pub redis: Option<String>,
    /// What the edge's health service tells.
    pub readiness: Readiness,
    /// The certificate of the mesh's authority, which must not sign the certificates of accounts and partners.
    pub mesh_ca: PathBuf,
}

/// Puts the edge together. Refuses a configuration that would be unsafe, and a contract that it cannot serve.
pub fn build(
    foundation: &Foundation,
    config: &GatewayConfig,
    dependencies: Dependencies,
) -> Result<Component<Edge>, BuildError> {
    config.check()?;
    if config.dev {
        tracing::warn!(listen = %config.listen, "the development identity provider is on: anybody signs in as anybody");
    }
    let Dependencies {
        peers,
        session_keys,
        redis,
        readiness,
        mesh_ca,
    } = dependencies;
    let providers = Provider::configured(&config.channels, &foundation.clock);
    let providers = providers.map_err(|error| refused(error.to_string()))?;
    let attempts = Attempts::new(
        session_keys.attempt.clone(),
        Cookie::attempt(config),
        Arc::clone(&foundation.clock),
        Arc::clone(&foundation.random),
    );
    let limits = RateLimits::new(config, redis.as_deref())?;
    let identification = Arc::new(identification(foundation, config, &peers, session_keys, limits));
    let calls = Calls::new(config, &peers, &readiness, Arc::clone(&identification))?;
    let of_partners = calls.for_partners(config, &readiness)?;
    let mini_program = providers.iter().any(|one| one.channel == Channel::WeChatMini);
    let sessions = SessionRoutes {
        dev: config.dev,
        mini_program,
        devices: true,
    };
    let pages = Pages {
        openapi: openapi::document(calls.bindings(), identification.cookie.name(), sessions),
    };
    let sign_in = SignIn {
        identification: Arc::clone(&identification),
        devices: Devices::new(peers.get(ServiceName::CodeRendering)),
        providers: providers.into(),
        attempts: Arc::new(attempts),
        public_url: config.channels.public_url.trim_end_matches('/').into(),
        dev: config.dev,
        ttl: Duration::from_secs(config.session_ttl_s),
        device_ttl: Duration::from_secs(config.device_session_ttl_s),
        patience: Duration::from_millis(config.message_patience_ms),
    };
    let stop = foundation.stop.clone();
    let following = async move { identification.versions.follow(stop).await };
    Ok(Component {
        service: ServiceName::Gateway,
        router: Edge::new(
            (calls, of_partners),
            pages,
            sign_in,
            Arc::clone(&foundation.random),
        ),
        checks: certificates(config, &mesh_ca, &*foundation.clock),
        tasks: vec![Box::pin(following)],
    })
}

fn identification(
    foundation: &Foundation,
    config: &GatewayConfig,
    peers: &Peers,
    keys: SessionKeys,
    limits: RateLimits,
) -> Identification {
    let identity = peers.get(ServiceName::Identity);
    let clock = || Arc::clone(&foundation.clock);
    Identification {
        accounts: Accounts::new(identity.clone()),
        tokens: SessionTokens::new(keys.seal, foundation.principal_key.clone(), clock(), config),
        versions: AccountVersions::new(identity, Duration::from_secs(config.staff_stale_s)),
        certificates: Certificates::new(clock()),
        limits,
        cookie: Cookie::session(config),
        csrf: CsrfTokens::new(keys.csrf),
        networks: config.state_networks.then(|| NetworkHashes::new(keys.network)),
    }
}

/// Watches the certificates of the listeners for staff and feeds and for partners, where there are such and they can be used.
fn certificates(config: &GatewayConfig, mesh_ca: &std::path::Path, clock: &dyn Clock) -> Vec<Check> {
    let usable = |listen: Option<SocketAddr>, files: &TlsFiles| -> Option<Validity> {
        listen?;
        certificate::inspect_listener(files, mesh_ca, clock.now()).ok()
    };
    let staff = usable(config.staff_listen, &config.staff_tls).map(Validity::check_of_staff);
    let partners = usable(config.partner_listen, &config.partner_tls).map(Validity::check_of_partners);
    staff.into_iter().chain(partners).collect()
}
