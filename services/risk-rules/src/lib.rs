#![doc = include_str!("../README.md")]

pub mod domain;
mod events;
mod peers;
mod rpc;
mod service;
mod store;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::operations::Operations;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::risk_rules::v1::{
    AreaService, AuditService, DecisionService, DesignationService, EventLogService, HistoryService,
    KeyAreaService, OperationService, RecomparisonService, RollbackService, RuleSetService,
};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::Follower;
use lutong_transport::client::MeshChannel;

pub use store::Migrations;

/// The name in the key file of what subjects' chain keys are made of.
pub const CHAIN_KEY: &str = "chain";
/// Parts of a run over everyone that one process works on at once.
const WORKERS: usize = 2;
/// A rule set and its cases, of 256 KiB each, and what names them.
const MAX_ANNOUNCEMENT: usize = 520 * 1024;
const SERVICE: ServiceName = ServiceName::RiskRules;

/// The services that this one calls.
#[derive(Debug, Clone)]
pub struct Peers {
    /// Whose log says who is one person.
    pub identity: MeshChannel,
    /// Whose log says what direct calls missed.
    pub declaration: MeshChannel,
    /// Brings decisions into force.
    pub code_rendering: MeshChannel,
}

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let Peers {
        identity,
        declaration,
        code_rendering,
    } = peers;
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[CHAIN_KEY])
        .await?;
    let (outbox, audit) = (store.outbox(), store.audit_log(foundation).await?);
    let feeds = peers::feeds::Feeds::new(identity.clone(), declaration.clone());
    let decider = service::deciding::Decider::new(&store, foundation, outbox.clone(), code_rendering)?;
    let reader = service::statement::reader::StatementReader::new(
        store.keys.key("fingerprint")?,
        Arc::clone(&foundation.clock),
    );
    let handler = rpc::decisions::Handler::new(decider.clone(), reader.clone());
    let desk = service::rule_changes::RuleDesk::new(decider.clone());
    let rollbacks = service::rollback::Rollbacks::new(decider.clone(), reader.clone(), feeds);
    let skin = store.skin(foundation);
    let operations = Operations::new(store.database.clone(), Arc::clone(&foundation.clock));
    let rule_sets = RuleSetService::server(rpc::rule_sets::Handler(desk.clone()), skin.clone());
    let designations = rpc::designations::Handler {
        decider: decider.clone(),
        reader: reader.clone(),
    };
    let areas = AreaService::server(rpc::areas::Handler(decider.clone()), skin.clone());
    let key_areas = KeyAreaService::server(rpc::key_areas::Handler(decider.clone()), skin.clone());
    let routes = tonic::service::Routes::new(DecisionService::server(handler, skin.clone()))
        .add_service(areas.max_decoding_message_size(128 * 1024))
        .add_service(key_areas)
        .add_service(RecomparisonService::server(
            rpc::recomparisons::Handler(decider.clone()),
            skin.clone(),
        ))
        .add_service(rule_sets.max_decoding_message_size(MAX_ANNOUNCEMENT))
        .add_service(HistoryService::server(
            rpc::history::Handler(decider.clone()),
            skin.clone(),
        ))
        .add_service(DesignationService::server(designations, skin.clone()))
        .add_service(OperationService::server(
            rpc::operations::OperationRpc(operations.clone()),
            skin.clone(),
        ))
        .add_service(RollbackService::server(
            rpc::rollbacks::Handler(rollbacks.clone()),
            skin.clone(),
        ))
        .add_service(EventLogService::server(
            rpc::event_log::EventLog(outbox.clone()),
            skin.clone(),
        ))
        .add_service(AuditService::server(rpc::audit::AuditRpc(audit.clone()), skin));
    let people = Follower {
        consumer: SERVICE,
        producer: ServiceName::Identity,
        database: store.database.clone(),
        source: Arc::new(peers::identity_log::log(identity)),
        handler: Arc::new(service::people::Identified::new(decider.clone())),
    };
    let follower = Follower {
        consumer: SERVICE,
        producer: ServiceName::Declaration,
        database: store.database.clone(),
        source: Arc::new(peers::declaration_log::log(declaration)),
        handler: Arc::new(service::following::Declared::new(decider.clone(), reader)),
    };
    let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            outbox.clone().run_relay(bell.clone(), stop.clone()).boxed(),
            people.run(bell.clone(), stop.clone()).boxed(),
            follower.run(bell, stop.clone()).boxed(),
            service::effect::bring_pending(decider.clone(), stop.clone()).boxed(),
            service::history_verification::check_histories(decider.clone(), stop.clone()).boxed(),
            operations
                .sweep(service::operations::forget_subjects, stop.clone())
                .boxed(),
            service::due::decide_due(decider.clone(), stop.clone()).boxed(),
            service::history::seal_days(decider.clone(), stop.clone()).boxed(),
            rollbacks.finish(stop.clone()).boxed(),
            service::activation::activate(desk, stop.clone()).boxed(),
            service::recomparison::recompare(decider, WORKERS, stop).boxed(),
            audit.seal_days(foundation.stop.clone()).boxed(),
            store.upkeep(foundation, Some(outbox)),
        ],
    })
}
