#![doc = include_str!("../README.md")]

pub mod domain;
mod grpc;
mod service;
mod store;

use lutong_chassis::storage::StorageConfig;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_proto::complaint::v1::feedback_service_server::FeedbackServiceServer;

pub use store::Migrations;

const SERVICE: ServiceName = ServiceName::Complaint;
/// Eight times the longest text.
const MAX_MESSAGE: usize = 64 * 1024;

/// Builds the service.
pub async fn build(foundation: &Foundation, storage: &StorageConfig) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let handler = grpc::Handler::new(service::Desk::new(&store, foundation));
    let server = FeedbackServiceServer::new(handler).max_decoding_message_size(MAX_MESSAGE);
    let routes = tonic::service::Routes::new(server);
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, None),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![store.sweeper(foundation, None)],
    })
}
