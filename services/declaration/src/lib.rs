#![doc = include_str!("../README.md")]

mod applications; // CreateApplication, GetApplication, ListApplications
mod arrivals; // CreateArrival, GetArrival, ListArrivals
mod audit; // the audit log
mod config;
mod declarations; // what applications and arrivals share
mod event_log; // ListEvents
mod events; // the event of an acknowledged declaration
mod fact_imports; // imports in several calls: CreateFactImport, AppendFactImportRows, FinishFactImport, …
mod feeds; // ImportFacts, ListFactKinds; what a feed may report
mod https; // the client of an authority's database
mod migrations;
mod operations; // pulls that an operator started
mod peers; // identity, risk-rules, federation
mod pulls; // GetPull, ListPulls, StartPull; reads databases on a schedule

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

use applications::service::Applications;
use arrivals::service::Arrivals;
pub use config::{DeclarationConfig, PullConfig, sources};
pub use feeds::domain::{Authority, check_kind, check_source, reportable_kinds};
pub use migrations::Migrations;
pub use peers::Peers;

use declarations::service::Declarations;
use fact_imports::service::FactImports;
use feeds::service::Feeds;
use pulls::service::Puller;

const SERVICE: ServiceName = ServiceName::Declaration;
/// Bytes of a request of `FeedService`: a thousand rows.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Bytes of a form. One with a full contact history has about a tenth.
const MAX_FORM: usize = 256 * 1024;
/// Bytes of a request of `EventLogService`: a cursor.
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
    let declarations = Declarations::new(&store, foundation, outbox.clone(), peers.clone());
    let feeds = Feeds::new(peers);
    let imports = FactImports::new(&store, foundation, feeds.clone());
    let sweep_imports = fact_imports::service::delete_old(imports.clone(), foundation.stop.clone());
    let puller = Puller::new(&store, foundation, feeds.clone(), sources);
    let operations = Operations::new(store.database.clone(), Arc::clone(&foundation.clock));
    let applications = applications::rpc::ApplicationRpc(Applications::new(declarations.clone()));
    let applications = ApplicationService::server(applications, skin.clone());
    let arrivals = arrivals::rpc::ArrivalRpc(Arrivals::new(declarations));
    let arrivals = ArrivalService::server(arrivals, skin.clone());
    let pulls = PullService::server(pulls::rpc::PullRpc(puller.clone()), skin.clone());
    let operation_rpc = operations::rpc::OperationRpc(operations.clone());
    let feeds = FeedService::server(feeds::rpc::FeedRpc { feeds, imports }, skin.clone());
    let routes = tonic::service::Routes::new(applications.max_decoding_message_size(MAX_FORM))
        .add_service(arrivals.max_decoding_message_size(MAX_FORM))
        .add_service(feeds.max_decoding_message_size(MAX_MESSAGE))
        .add_service(pulls)
        .add_service(OperationService::server(operation_rpc, skin.clone()))
        .add_service(
            EventLogService::server(event_log::rpc::EventLog(outbox.clone()), skin.clone())
                .max_decoding_message_size(MAX_POSITION),
        )
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit.clone()), skin));
    let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            outbox.clone().run_relay(bell, stop.clone()).boxed(),
            puller.run(stop.clone()).boxed(),
            operations
                .sweep(operations::service::forget_nothing, stop)
                .boxed(),
            sweep_imports.boxed(),
            audit.seal_days(foundation.stop.clone()).boxed(),
            store.upkeep(foundation, Some(outbox)),
        ],
    })
}
