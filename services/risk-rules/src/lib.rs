#![doc = include_str!("../README.md")]

mod approval;
mod areas;
mod audit;
mod basis;
mod composition;
mod decisions;
mod designations;
mod entries;
mod event_log;
mod events;
mod facts;
mod fault;
mod history;
mod history_verifications;
mod key_areas;
mod migrations;
mod operations;
mod peers;
mod people;
mod recomparisons;
mod reliefs;
mod rollbacks;
mod rule_sets;
mod subjects;
mod unplaced_areas;
mod wire;

use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_risk_engine::rule_set::RuleSet;
use lutong_storage::StorageConfig;
use lutong_transport::client::MeshChannel;

use composition::{Parts, followers, routes, workers};
pub use migrations::Migrations;

/// The name, in the key file, of the key from which the chain keys of subjects are derived.
pub const CHAIN_KEY: &str = "chain";
const SERVICE: ServiceName = ServiceName::RiskRules;

/// The services that this one calls.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Publishes merges and residences; knows the accounts of feeds.
    pub identity: MeshChannel,
    /// Publishes declarations; knows the databases that it pulls.
    pub declaration: MeshChannel,
    /// Brings decisions into force.
    pub code_rendering: MeshChannel,
}

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[CHAIN_KEY])
        .await?;
    rule_sets::store::documents::seed(&store.database, RuleSet::sd_2020(), RuleSet::SD_2020)
        .await
        .map_err(|source| BuildError::Storage {
            service: SERVICE,
            source,
        })?;
    let audit = store.audit_log(foundation).await?;
    let parts = Parts::new(&store, foundation, &peers)?;
    let routes = routes(&parts, &store.skin(foundation), audit.clone());
    let mut tasks = followers(&parts, foundation, &peers);
    tasks.extend(workers(&parts, foundation, &peers, &audit));
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit)),
        checks: vec![store.check::<Migrations>()],
        tasks,
    })
}
