#![doc = include_str!("../README.md")]

mod codes; // codes in force: ApplyDecisions, the follower of risk-rules' log
mod events; // a decision as the wire carries it
mod keys; // signing keys: GetKey, ListKeys
mod migrations;
mod peers; // risk-rules' log, identity's name masks
mod render; // the picture of a token: SVG, PNG, terminal
mod showing; // ShowCode: a dynamic token signed now
mod verification; // VerifyToken

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::code_rendering::v1::{CodeService, KeyService, VerificationService};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::Follower;
use lutong_transport::client::MeshChannel;

pub use migrations::Migrations;

const SERVICE: ServiceName = ServiceName::CodeRendering;
/// The name in the key file of the key that encrypts the id of a dynamic token.
pub const DYNAMIC_ID_KEY: &str = "dynamic-id";

/// Bytes of a request of `CodeService`: about twice what a thousand decisions need.
const MAX_DECISIONS: usize = 256 * 1024;
/// Bytes of a request of `VerificationService`. A token has about a kilobyte.
const MAX_TOKEN: usize = 64 * 1024;

/// Builds the service. `identity` provides name masks, the log of `risk_rules` the decisions that direct calls did not deliver.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    identity: MeshChannel,
    risk_rules: MeshChannel,
) -> Result<Component, BuildError> {
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[DYNAMIC_ID_KEY])
        .await?;
    let codes = codes::service::Codes::new(&store, peers::identity::IdentityMasks::new(identity));
    let keys = keys::service::Keys::new(&store, foundation, &store.keys.key(DYNAMIC_ID_KEY)?);
    let skin = store.skin(foundation);
    let showing = showing::service::Showing::new(codes.clone(), keys.clone(), foundation);
    let verification = verification::service::Verification::new(codes.clone(), keys.clone(), foundation);
    let code_rpc = codes::rpc::CodeRpc {
        codes: codes.clone(),
        showing,
    };
    let verification =
        VerificationService::server(verification::rpc::VerificationRpc(verification), skin.clone());
    let routes = tonic::service::Routes::new(
        CodeService::server(code_rpc, skin.clone()).max_decoding_message_size(MAX_DECISIONS),
    )
    .add_service(verification.max_decoding_message_size(MAX_TOKEN))
    .add_service(KeyService::server(keys::rpc::KeyRpc(keys), skin));
    let follower = Follower {
        consumer: SERVICE,
        producer: ServiceName::RiskRules,
        database: store.database.clone(),
        source: Arc::new(peers::decision_log::log(risk_rules)),
        handler: Arc::new(codes::service::DecisionFollower::new(codes)),
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
