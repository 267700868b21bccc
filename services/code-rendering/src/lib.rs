#![doc = include_str!("../README.md")]

pub mod domain;
mod events;
mod peers;
mod rpc;
mod service;
mod store;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::code_rendering::v1::{CodeService, KeyService, VerificationService};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::Follower;
use lutong_transport::client::MeshChannel;

pub use store::Migrations;

const SERVICE: ServiceName = ServiceName::CodeRendering;
/// The key under which a dynamic token's id is sealed.
pub const DYNAMIC_ID_KEY: &str = "dynamic-id";

/// Twice a thousand decisions.
const MAX_DECISIONS: usize = 256 * 1024;
/// A token has a kilobyte.
const MAX_TOKEN: usize = 64 * 1024;

/// Builds the service. `identity` gives name masks, `risk_rules`' log what direct calls missed.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    identity: MeshChannel,
    risk_rules: MeshChannel,
) -> Result<Component, BuildError> {
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[DYNAMIC_ID_KEY])
        .await?;
    let codes = service::codes::Codes::new(&store, peers::identity::IdentityMasks::new(identity));
    let keys = service::keys::Keys::new(&store, foundation, &store.keys.key(DYNAMIC_ID_KEY)?);
    let skin = store.skin(foundation);
    let showing = service::showing::Showing::new(codes.clone(), keys.clone(), foundation);
    let verification = service::verification::Verification::new(codes.clone(), keys.clone(), foundation);
    let code_rpc = rpc::CodeRpc {
        codes: codes.clone(),
        showing,
    };
    let verification = VerificationService::server(rpc::VerificationRpc(verification), skin.clone());
    let routes = tonic::service::Routes::new(
        CodeService::server(code_rpc, skin.clone()).max_decoding_message_size(MAX_DECISIONS),
    )
    .add_service(verification.max_decoding_message_size(MAX_TOKEN))
    .add_service(KeyService::server(rpc::KeyRpc(keys), skin));
    let follower = Follower {
        consumer: SERVICE,
        producer: ServiceName::RiskRules,
        database: store.database.clone(),
        source: Arc::new(peers::decision_log::log(risk_rules)),
        handler: Arc::new(service::following::Decided::new(codes)),
    };
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, None),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            follower
                .run(foundation.bell.clone(), foundation.stop.clone())
                .boxed(),
        ],
    })
}
