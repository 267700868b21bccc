#![doc = include_str!("../README.md")]

mod config;
pub mod domain;
mod events;
mod https;
mod peers;
mod rpc;
mod service;
mod store;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::operations::Operations;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::declaration::v1::{
    ApplicationService, ArrivalService, AuditService, EventLogService, FeedService, OperationService,
    PullService,
};
use lutong_storage::StorageConfig;

pub use config::{DeclarationConfig, PullConfig, sources};
pub use peers::Peers;
pub use store::Migrations;

const SERVICE: ServiceName = ServiceName::Declaration;
/// A message of a thousand rows.
const MAX_MESSAGE: usize = 1024 * 1024;
/// A form with its whole contact history has a tenth of it.
const MAX_FORM: usize = 256 * 1024;
/// Where a follower reads on.
const MAX_POSITION: usize = 64 * 1024;

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &DeclarationConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let sources = sources(config)?;
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let (outbox, audit) = (store.outbox(), store.audit_log(foundation).await?);
    let skin = store.skin(foundation);
    let declaring = service::declaring::Declaring::new(&store, foundation, outbox.clone(), peers);
    let imports = service::fact_imports::forget_imports(declaring.clone(), foundation.stop.clone());
    let puller = service::pulls::Puller::new(declaring.clone(), sources);
    let applications =
        ApplicationService::server(rpc::applications::ApplicationRpc(declaring.clone()), skin.clone());
    let arrivals = ArrivalService::server(rpc::arrivals::ArrivalRpc(declaring.clone()), skin.clone());
    let pulls = PullService::server(rpc::pulls::PullRpc(puller.clone()), skin.clone());
    let operations = Operations::new(store.database.clone(), Arc::clone(&foundation.clock));
    let operated = OperationService::server(rpc::operations::OperationRpc(operations.clone()), skin.clone());
    let feeds = FeedService::server(rpc::feed::Handler::new(declaring), skin.clone());
    let routes = tonic::service::Routes::new(applications.max_decoding_message_size(MAX_FORM))
        .add_service(arrivals.max_decoding_message_size(MAX_FORM))
        .add_service(feeds.max_decoding_message_size(MAX_MESSAGE))
        .add_service(pulls)
        .add_service(operated)
        .add_service(
            EventLogService::server(rpc::event_log::EventLog(outbox.clone()), skin.clone())
                .max_decoding_message_size(MAX_POSITION),
        )
        .add_service(AuditService::server(rpc::audit::AuditRpc(audit.clone()), skin));
    let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            outbox.clone().run_relay(bell, stop.clone()).boxed(),
            puller.run(stop.clone()).boxed(),
            operations
                .sweep(service::operations::forget_nothing, stop)
                .boxed(),
            imports.boxed(),
            audit.seal_days(foundation.stop.clone()).boxed(),
            store.upkeep(foundation, Some(outbox)),
        ],
    })
}
