//! Which service calls, follows and needs which.

use lutong_chassis::{BuildError, Component, Foundation};
use lutong_gateway::{Dependencies, Edge, Peers, SessionKeys};
use lutong_kernel::ServiceName;
use lutong_operating::health::{Need, Readiness};
use lutong_operating::mesh_name::caller_of;
use lutong_operating::tls::TlsError;
use lutong_storage::installation;
use lutong_storage::installation::{Installation, InstallationError, ServiceDatabase};
use lutong_storage::{Database, StorageConfig};
use lutong_transport::client;
use lutong_transport::client::{LocalMesh, MeshChannel};

use crate::config::NodeConfig;

/// How services reach each other.
pub enum Links<'a> {
    /// In this process.
    Local(&'a LocalMesh),
    /// By address, mTLS.
    Remote(&'a NodeConfig),
}

impl Links<'_> {
    pub fn channel(&self, from: ServiceName, to: ServiceName) -> Result<MeshChannel, TlsError> {
        let caller = caller_of(from);
        match self {
            Self::Local(mesh) => Ok(mesh.channel(to, caller)),
            Self::Remote(config) => {
                let channel = client::channel(to, config.peers.of(to), &config.tls)?;
                Ok(MeshChannel::remote(to, caller, channel))
            }
        }
    }
}

/// Producers whose logs a service follows.
pub const fn followed(service: ServiceName) -> &'static [ServiceName] {
    match service {
        ServiceName::Identity => &[ServiceName::Declaration, ServiceName::CodeRendering],
        ServiceName::RiskRules => &[ServiceName::Identity, ServiceName::Declaration],
        ServiceName::CodeRendering => &[ServiceName::Identity, ServiceName::RiskRules],
        ServiceName::Declaration
        | ServiceName::Complaint
        | ServiceName::Federation
        | ServiceName::Gateway => &[],
    }
}

/// The services that one calls.
pub const fn peers(service: ServiceName) -> &'static [ServiceName] {
    use ServiceName::{CodeRendering, Complaint, Declaration, Federation, Identity, RiskRules};
    match service {
        ServiceName::Identity => &[Declaration, CodeRendering],
        ServiceName::Declaration => &[Identity, RiskRules, Federation],
        ServiceName::RiskRules | ServiceName::Federation => &[Identity, Declaration, CodeRendering],
        ServiceName::CodeRendering => &[Identity, RiskRules],
        ServiceName::Complaint => &[Identity, Declaration, RiskRules],
        ServiceName::Gateway => &[
            Identity,
            Declaration,
            RiskRules,
            CodeRendering,
            Complaint,
            Federation,
        ],
    }
}

/// How a service needs another. The services call each other cyclically, so none waits for another at start-up; only
/// the gateway waits for those without which nobody can sign in or show a code.
pub const fn need(from: ServiceName, to: ServiceName) -> Need {
    match (from, to) {
        (ServiceName::Gateway, ServiceName::Identity | ServiceName::CodeRendering) => Need::ToBegin,
        _ => Need::Never,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Builds one service with storage; `None` for the gateway.
pub async fn build(
    service: ServiceName,
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &NodeConfig,
    links: &Links<'_>,
) -> Result<Option<Component>, WiringError> {
    use ServiceName::{CodeRendering, Complaint, Declaration, Federation, Gateway, Identity, RiskRules};
    let to = |other| links.channel(service, other);
    let component = match service {
        Identity => {
            let identity = config.identity();
            let peers = lutong_identity::Peers {
                declaration: to(Declaration)?,
                code_rendering: to(CodeRendering)?,
            };
            lutong_identity::build(foundation, storage, &identity, peers).await?
        }
        Declaration => {
            let peers = lutong_declaration::Peers {
                identity: to(Identity)?,
                risk_rules: to(RiskRules)?,
                federation: to(Federation)?,
            };
            lutong_declaration::build(foundation, storage, &config.declaration, peers).await?
        }
        RiskRules => {
            let peers = lutong_risk_rules::Peers {
                identity: to(Identity)?,
                declaration: to(Declaration)?,
                code_rendering: to(CodeRendering)?,
            };
            lutong_risk_rules::build(foundation, storage, peers).await?
        }
        CodeRendering => {
            let peers = lutong_code_rendering::Peers {
                identity: to(Identity)?,
                risk_rules: to(RiskRules)?,
            };
            lutong_code_rendering::build(foundation, storage, &config.code_rendering(), peers).await?
        }
        Complaint => {
            let peers = lutong_complaint::Peers {
                identity: to(Identity)?,
                code_rendering: to(CodeRendering)?,
                declaration: to(Declaration)?,
                risk_rules: to(RiskRules)?,
            };
            lutong_complaint::build(foundation, storage, &config.complaint, peers).await?
        }
        Federation => {
            let peers = lutong_federation::Peers {
                code_rendering: to(CodeRendering)?,
                identity: to(Identity)?,
                declaration: to(Declaration)?,
            };
            lutong_federation::build(foundation, storage, &config.federation, peers).await?
        }
        Gateway => return Ok(None),
    };
    Ok(Some(component))
}

/// Builds the gateway; with `redis` its replicas share their limits.
pub fn build_gateway(
    foundation: &Foundation,
    config: &NodeConfig,
    links: &Links<'_>,
    session_keys: SessionKeys,
    redis: Option<String>,
    readiness: &Readiness,
) -> Result<Component<Edge>, WiringError> {
    let peers = ServiceName::WITH_STORAGE.map(|service| links.channel(ServiceName::Gateway, service));
    let dependencies = Dependencies {
        peers: peers.into_iter().collect::<Result<Peers, _>>()?,
        session_keys,
        redis,
        readiness: readiness.clone(),
        mesh_ca: config.tls.ca.clone(),
    };
    Ok(lutong_gateway::build(foundation, &config.gateway, dependencies)?)
}

/// Brings the schema of a service's database up to date.
pub async fn migrate(service: ServiceName, storage: &StorageConfig) -> Result<(), InstallationError> {
    let database = Database::connect(storage).await?;
    let (database, target) = (&database, &ServiceDatabase::new(service, storage));
    match service {
        ServiceName::Identity => installation::migrate::<lutong_identity::Migrations>(database, target).await,
        ServiceName::Declaration => {
            installation::migrate::<lutong_declaration::Migrations>(database, target).await
        }
        ServiceName::RiskRules => {
            installation::migrate::<lutong_risk_rules::Migrations>(database, target).await
        }
        ServiceName::CodeRendering => {
            installation::migrate::<lutong_code_rendering::Migrations>(database, target).await
        }
        ServiceName::Complaint => {
            installation::migrate::<lutong_complaint::Migrations>(database, target).await
        }
        ServiceName::Federation => {
            installation::migrate::<lutong_federation::Migrations>(database, target).await
        }
        ServiceName::Gateway => Ok(()),
    }
}

/// Checks that a database belongs to the service and has this build's schema.
pub async fn installed(
    service: ServiceName,
    database: &Database,
    target: &ServiceDatabase,
) -> Result<(), InstallationError> {
    let found = match service {
        ServiceName::Identity => {
            Installation::of_current::<lutong_identity::Migrations>(database, target).await
        }
        ServiceName::Declaration => {
            Installation::of_current::<lutong_declaration::Migrations>(database, target).await
        }
        ServiceName::RiskRules => {
            Installation::of_current::<lutong_risk_rules::Migrations>(database, target).await
        }
        ServiceName::CodeRendering => {
            Installation::of_current::<lutong_code_rendering::Migrations>(database, target).await
        }
        ServiceName::Complaint => {
            Installation::of_current::<lutong_complaint::Migrations>(database, target).await
        }
        ServiceName::Federation => {
            Installation::of_current::<lutong_federation::Migrations>(database, target).await
        }
        ServiceName::Gateway => return Ok(()),
    };
    found.map(drop)
}
