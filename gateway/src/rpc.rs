//! The contract's RPCs: gRPC by path, gRPC-Web translated to it, JSON by the rules of `google.api.http`.

mod admission;
pub mod contract;
mod diagnostics;
mod forwarding;
mod json;
mod native;
pub mod pools;
pub mod transcode;
mod web;

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::BuildError;
use lutong_operating::health::Readiness;
use tonic::service::Routes;

use crate::config::GatewayConfig;
use crate::limits::concurrency::ConcurrencyLimits;
use crate::peers::Peers;
use crate::sessions::identification::Identification;
use contract::Contract;
use pools::Pools;
use transcode::Bindings;

pub use json::json_response;
pub use web::translate;

/// Everything that a call of an RPC passes on its way to a service.
pub struct Calls {
    contract: Contract,
    bindings: Bindings,
    /// Health and reflection.
    diagnostics: Routes,
    identification: Arc<Identification>,
    concurrency: ConcurrencyLimits,
    pools: Pools,
    message_patience: Duration,
    stream_patience: Duration,
}

impl Calls {
    /// Refuses a contract that this edge cannot serve.
    pub fn new(
        config: &GatewayConfig,
        peers: &Peers,
        readiness: &Readiness,
        identification: Arc<Identification>,
    ) -> Result<Self, BuildError> {
        let contract = Contract::read(lutong_proto::descriptor_pool(), peers)?;
        Self::of(contract, config, readiness, identification)
    }

    /// What is served at the listener for partners, with places of its own: partners and everybody else cost each other none.
    pub fn for_partners(&self, config: &GatewayConfig, readiness: &Readiness) -> Result<Self, BuildError> {
        let identification = Arc::clone(&self.identification);
        Self::of(self.contract.for_partners(), config, readiness, identification)
    }

    fn of(
        contract: Contract,
        config: &GatewayConfig,
        readiness: &Readiness,
        identification: Arc<Identification>,
    ) -> Result<Self, BuildError> {
        let pool = lutong_proto::descriptor_pool();
        Ok(Self {
            bindings: Bindings::read(pool, &contract)?,
            diagnostics: diagnostics::routes(readiness, &contract)?,
            identification,
            concurrency: ConcurrencyLimits::new(config),
            pools: Pools::new(config),
            message_patience: Duration::from_millis(config.message_patience_ms),
            stream_patience: Duration::from_millis(config.stream_patience_ms),
            contract,
        })
    }

    pub const fn bindings(&self) -> &Bindings {
        &self.bindings
    }
}
