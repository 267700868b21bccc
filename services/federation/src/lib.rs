#![doc = include_str!("../README.md")]

mod config;
pub mod domain; // the trust list
mod fault; // every reason that is answered
mod migrations;
mod rpc; // VerifyPartnerCode
mod service;
mod store; // the table `verifications`

use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::federation::v1::PartnerCodeService;
use lutong_storage::StorageConfig;

pub use config::FederationConfig;
use domain::trust_list::TrustList;
pub use migrations::Migrations;

const SERVICE: ServiceName = ServiceName::Federation;
/// Bytes of a request. A token has about a kilobyte.
const MAX_MESSAGE: usize = 64 * 1024;

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &FederationConfig,
) -> Result<Component, BuildError> {
    let list = trust_list(config)?;
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let handler = rpc::PartnerCodeRpc(service::Partners::new(&store, foundation, list));
    let server =
        PartnerCodeService::server(handler, store.skin(foundation)).max_decoding_message_size(MAX_MESSAGE);
    let routes = tonic::service::Routes::new(server);
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, None),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![store.upkeep(foundation, None)],
    })
}

/// Reads the list that the configuration names; `lutong config check` calls it, too.
pub fn trust_list(config: &FederationConfig) -> Result<TrustList, BuildError> {
    let Some(path) = &config.trust_list else {
        return Ok(TrustList::default());
    };
    let failed = |reason: String| BuildError::Config {
        service: SERVICE,
        reason: format!("federation.trust_list {}: {reason}", path.display()),
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    TrustList::parse(&text).map_err(|error| failed(error.to_string()))
}
