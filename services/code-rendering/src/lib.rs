#![doc = include_str!("../README.md")]

pub mod domain;
mod grpc;
mod service;
mod store;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::outbox::Follower;
use lutong_chassis::storage::StorageConfig;
use lutong_chassis::{BuildError, Component, Foundation, MeshChannel};
use lutong_kernel::ServiceName;
use lutong_proto::code_rendering::v1::code_service_server::CodeServiceServer;
use lutong_proto::code_rendering::v1::verification_service_server::VerificationServiceServer;

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
    let codes = service::codes::Codes::new(&store, grpc::masks::IdentityMasks::new(identity));
    let keys = service::keys::Keys::new(&store, foundation, &store.keys.key(DYNAMIC_ID_KEY)?);
    let handler = grpc::Handler::new(codes.clone(), keys, foundation);
    let routes = tonic::service::Routes::new(
        CodeServiceServer::new(handler.clone()).max_decoding_message_size(MAX_DECISIONS),
    )
    .add_service(VerificationServiceServer::new(handler).max_decoding_message_size(MAX_TOKEN));
    let follower = Follower {
        consumer: SERVICE,
        producer: ServiceName::RiskRules,
        database: store.database.clone(),
        source: Arc::new(grpc::decided::decision_log(risk_rules)),
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
