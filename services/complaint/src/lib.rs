#![doc = include_str!("../README.md")]

pub mod domain; // feedback, tracking numbers
mod migrations;
mod rpc; // CreateComplaint, GetComplaint, ListComplaints
mod service;
mod store; // the table `complaints`

use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::complaint::v1::ComplaintService;
use lutong_storage::StorageConfig;

pub use migrations::Migrations;

const SERVICE: ServiceName = ServiceName::Complaint;
/// Bytes of a request: eight times the longest text.
const MAX_MESSAGE: usize = 64 * 1024;

/// Builds the service.
pub async fn build(foundation: &Foundation, storage: &StorageConfig) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let handler = rpc::ComplaintRpc(service::Complaints::new(&store, foundation));
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
