//! Which service needs which.

use lutong_chassis::access::caller_of;
use lutong_chassis::client::{LocalMesh, MeshChannel};
use lutong_chassis::storage::{self, Database, StorageConfig, StorageError};
use lutong_chassis::tls::{self, TlsError};
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;

use crate::config::NodeConfig;

/// How a service reaches the others.
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
                let channel = tls::channel(to, config.peers.of(to), &config.tls)?;
                Ok(MeshChannel::remote(to, caller, channel))
            }
        }
    }
}

/// Producers whose logs a service follows.
pub const fn followed(service: ServiceName) -> &'static [ServiceName] {
    match service {
        ServiceName::Identity => &[ServiceName::Declaration],
        ServiceName::RiskRules => &[ServiceName::Identity, ServiceName::Declaration],
        ServiceName::CodeRendering => &[ServiceName::RiskRules],
        ServiceName::Declaration
        | ServiceName::Complaint
        | ServiceName::Federation
        | ServiceName::Gateway => &[],
    }
}

#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Builds one service with storage; `None` for the gateway, which is none.
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
        Identity => lutong_identity::build(foundation, storage, to(Declaration)?).await?,
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
            lutong_code_rendering::build(foundation, storage, to(Identity)?, to(RiskRules)?).await?
        }
        Complaint => lutong_complaint::build(foundation, storage).await?,
        Federation => lutong_federation::build(foundation, storage, &config.federation).await?,
        Gateway => return Ok(None),
    };
    Ok(Some(component))
}

/// Brings a service's schema up to date.
pub async fn migrate(service: ServiceName, storage: &StorageConfig) -> Result<(), StorageError> {
    let database = Database::connect(storage).await?;
    match service {
        ServiceName::Identity => storage::migrate::<lutong_identity::Migrations>(&database).await,
        ServiceName::Declaration => storage::migrate::<lutong_declaration::Migrations>(&database).await,
        ServiceName::RiskRules => storage::migrate::<lutong_risk_rules::Migrations>(&database).await,
        ServiceName::CodeRendering => storage::migrate::<lutong_code_rendering::Migrations>(&database).await,
        ServiceName::Complaint => storage::migrate::<lutong_complaint::Migrations>(&database).await,
        ServiceName::Federation => storage::migrate::<lutong_federation::Migrations>(&database).await,
        ServiceName::Gateway => Ok(()),
    }
}
