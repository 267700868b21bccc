#![doc = include_str!("../README.md")]

mod application_imports; // an organisation's applications for its people: CreateApplicationImport, …
mod applications; // CreateApplication, GetApplication, ListApplications
mod arrivals; // CreateArrival, GetArrival, ListArrivals, InspectArrivals, WatchArrivals
mod assisted_applications; // what counter staff enter for people: CreateAssistedApplication, …
mod audit; // the audit log
mod commitments; // GetCommitment, ListCommitments; the texts that applicants accept
mod config;
mod conversions; // what the origins of converted codes say of them later
mod daily_reports; // CreateDailyReport, GetDailyReport, ListDailyReports
mod declarations; // what applications, arrivals and daily reports share
mod event_log; // ListEvents
mod events; // the event of an acknowledged declaration
mod fact_imports; // imports in several calls: CreateFactImport, AppendFactImportRows, FinishFactImport, …
mod fault; // every reason that is answered
mod feeds; // ImportFacts, ListFactKinds; what a feed may report
mod https; // the client of an authority's database
mod migrations;
mod operations; // pulls that an operator started
mod partner_declarations; // AppendPartnerDeclaration
mod peers; // identity, risk-rules, federation
mod pulls; // GetPull, ListPulls, StartPull; reads databases on a schedule
mod ward_applications; // what binders state for wards: CreateWardApplication, …

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::lookups::{IdentityLookups, LookupLog};
use lutong_chassis::operations::Operations;
use lutong_chassis::{BuildError, Component, Foundation, Store};
use lutong_kernel::ServiceName;
use lutong_skin::declaration::v1::{
    ApplicationImportService, ApplicationService, ArrivalService, AssistedApplicationService, AuditService,
    CommitmentService, DailyReportService, EventLogService, FeedService, OperationService,
    PartnerDeclarationService, PullService, WardApplicationService,
};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::{Follower, Outbox};

use application_imports::rpc::ApplicationImportRpc;
use application_imports::service::ApplicationImports;
use applications::service::Applications;
use arrivals::service::Arrivals;
use arrivals::service::following::{ArrivalFollower, OwnLog};
use assisted_applications::rpc::AssistedApplicationRpc;
use assisted_applications::service::AssistedApplications;
pub use config::{DeclarationConfig, PullConfig, sources};
use conversions::service::ConversionFollower;
use daily_reports::service::DailyReports;
pub use feeds::domain::{check_kind, check_source, kinds_of, reportable_kinds};
pub use migrations::Migrations;
pub use peers::Peers;

use declarations::service::Declarations;
use declarations::service::proofs::ProofFollower;
use fact_imports::service::FactImports;
use feeds::service::Feeds;
use partner_declarations::rpc::PartnerDeclarationRpc;
use partner_declarations::service::PartnerDeclarations;
use pulls::service::Puller;
use ward_applications::rpc::WardApplicationRpc;
use ward_applications::service::WardApplications;

const SERVICE: ServiceName = ServiceName::Declaration;
/// Bytes of a request of `FeedService`: a thousand rows.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Bytes of a form. One with a full contact history has about a tenth.
const MAX_FORM: usize = 256 * 1024;
/// Bytes of a short request: a cursor, a daily report.
const MAX_SHORT: usize = 64 * 1024;

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
    let declarations = Declarations::new(
        &store,
        foundation,
        outbox.clone(),
        peers.clone(),
        config.daily_limits(),
    );
    let identity_lookups = IdentityLookups::new(peers.identity.clone());
    let followers = followers(&store, foundation, &outbox, &declarations);
    let feeds = Feeds::new(peers);
    let imports = FactImports::new(&store, foundation, feeds.clone());
    let sweep_imports = fact_imports::service::delete_old(imports.clone(), foundation.stop.clone());
    let puller = Puller::new(&store, foundation, feeds.clone(), sources);
    let operations = Operations::new(store.database.clone(), Arc::clone(&foundation.clock));
    let applications = applications::rpc::ApplicationRpc(Applications::new(declarations.clone()));
    let applications = ApplicationService::server(applications, skin.clone());
    let application_imports = ApplicationImports::new(&store, foundation, declarations.clone());
    let application_import_rpc = ApplicationImportRpc(application_imports.clone());
    let assisted = AssistedApplicationRpc(AssistedApplications::new(&store, declarations.clone()));
    let lookups = LookupLog::new(&store, foundation);
    let assisted = AssistedApplicationService::server(assisted, skin.clone(), lookups.clone());
    let arrivals = Arrivals::new(declarations.clone());
    let postponed_arrivals = arrivals.clone();
    let arrivals = arrivals::rpc::ArrivalRpc(arrivals);
    let arrivals = ArrivalService::server(arrivals, skin.clone(), lookups.clone());
    let ward_applications = WardApplicationRpc(WardApplications::new(declarations.clone()));
    let ward_applications = WardApplicationService::server(ward_applications, skin.clone());
    let reports = daily_reports::rpc::DailyReportRpc(DailyReports::new(declarations));
    let reports = DailyReportService::server(reports, skin.clone());
    let commitments = commitments::rpc::CommitmentRpc(Arc::clone(&foundation.clock));
    let pulls = PullService::server(pulls::rpc::PullRpc(puller.clone()), skin.clone());
    let operation_rpc = operations::rpc::OperationRpc(operations.clone());
    let at_partners = PartnerDeclarationRpc(PartnerDeclarations(feeds.clone()));
    let at_partners = PartnerDeclarationService::server(at_partners, skin.clone());
    let feeds = FeedService::server(feeds::rpc::FeedRpc { feeds, imports }, skin.clone());
    let routes = tonic::service::Routes::new(applications.max_decoding_message_size(MAX_FORM))
        .add_service(arrivals.max_decoding_message_size(MAX_FORM))
        .add_service(assisted.max_decoding_message_size(MAX_FORM))
        .add_service(ward_applications.max_decoding_message_size(MAX_FORM))
        .add_service(reports.max_decoding_message_size(MAX_SHORT))
        .add_service(feeds.max_decoding_message_size(MAX_MESSAGE))
        .add_service(at_partners.max_decoding_message_size(MAX_SHORT))
        .add_service(pulls)
        .add_service(
            ApplicationImportService::server(application_import_rpc, skin.clone())
                .max_decoding_message_size(MAX_MESSAGE),
        )
        .add_service(
            CommitmentService::server(commitments, skin.clone()).max_decoding_message_size(MAX_SHORT),
        )
        .add_service(OperationService::server(operation_rpc, skin.clone()))
        .add_service(
            EventLogService::server(event_log::rpc::EventLog(outbox.clone()), skin.clone())
                .max_decoding_message_size(MAX_SHORT),
        )
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit.clone()), skin));
    let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
    let tasks = vec![
        outbox.clone().run_relay(bell.clone(), stop.clone()).boxed(),
        puller.run(stop.clone()).boxed(),
        lookups.deliver(identity_lookups, stop.clone()).boxed(),
        postponed_arrivals.finish_postponed(stop.clone()).boxed(),
        application_imports.clone().register_rows(stop.clone()).boxed(),
        application_imports.expire(stop.clone()).boxed(),
        operations
            .sweep(operations::service::forget_nothing, stop)
            .boxed(),
        sweep_imports.boxed(),
        audit.clone().seal_days(foundation.stop.clone()).boxed(),
        store.upkeep(foundation, Some(outbox)),
    ];
    let followed = followers
        .into_iter()
        .map(|follower| follower.run(bell.clone(), foundation.stop.clone()).boxed());
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit)),
        checks: vec![store.check::<Migrations>()],
        tasks: tasks.into_iter().chain(followed).collect(),
    })
}

/// The followers of the logs of identity, of federation and of this service.
fn followers(
    store: &Store,
    foundation: &Foundation,
    outbox: &Outbox,
    declarations: &Declarations,
) -> [Follower; 3] {
    let proofs = Follower {
        consumer: SERVICE,
        producer: ServiceName::Identity,
        database: store.database.clone(),
        source: Arc::new(peers::identity_log::log(declarations.peers.identity.clone())),
        handler: Arc::new(ProofFollower::new(store, foundation, outbox.clone())),
    };
    let conversions = Follower {
        consumer: SERVICE,
        producer: ServiceName::Federation,
        database: store.database.clone(),
        source: Arc::new(peers::federation_log::log(declarations.peers.federation.clone())),
        handler: Arc::new(ConversionFollower::new(
            store,
            outbox.clone(),
            declarations.peers.clone(),
            declarations.clone(),
        )),
    };
    let arrivals_by_division = Follower {
        consumer: SERVICE,
        producer: SERVICE,
        database: store.database.clone(),
        source: Arc::new(OwnLog(outbox.clone())),
        handler: Arc::new(ArrivalFollower(store.database.clone())),
    };
    [proofs, conversions, arrivals_by_division]
}
