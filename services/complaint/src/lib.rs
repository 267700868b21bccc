#![doc = include_str!("../README.md")]

pub mod domain;
mod rpc;
mod service;
mod store;

use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::complaint::v1::ComplaintService;
use lutong_storage::StorageConfig;

pub use store::Migrations;

const SERVICE: ServiceName = ServiceName::Complaint;
/// Eight times the longest text.
const MAX_MESSAGE: usize = 64 * 1024;

/// Builds the service.
pub async fn build(foundation: &Foundation, storage: &StorageConfig) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let handler = rpc::Handler(service::Desk::new(&store, foundation));
    let server =
        ComplaintService::server(handler, store.skin(foundation)).max_decoding_message_size(MAX_MESSAGE);
    let routes = tonic::service::Routes::new(server);
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, None),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![store.upkeep(foundation, None)],
    })
}
