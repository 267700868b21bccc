//! Puts the parts of all capabilities together: RPC handlers, followers of other services' logs, and workers.

mod parts;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::Foundation;
use lutong_chassis::audit::AuditLog;
use lutong_chassis::lookups::IdentityLookups;
use lutong_chassis::skin::Skin;
use lutong_kernel::ServiceName;
use lutong_skin::risk_rules::v1::{
    AreaService, AuditService, DecisionService, DesignationService, EventLogService, HistoryService,
    KeyAreaService, OperationService, RecomparisonService, ReliefService, RollbackService, RuleSetService,
};
use lutong_storage::outbox::Follower;
use tonic::service::Routes;

use crate::operations::service::forget_subjects;
use crate::peers::{declaration_log, identity_log};
use crate::{
    Peers, SERVICE, audit, designations, event_log, key_areas, operations, recomparisons, reliefs, rollbacks,
    rule_sets,
};
pub use parts::Parts;

/// Workers of a re-comparison in one process.
const WORKERS: usize = 2;
/// Maximum size of an announcement: a rule set and its cases, of 256 KiB each, and its other fields.
const MAX_ANNOUNCEMENT: usize = 520 * 1024;
/// Maximum size of a message of an upload.
const MAX_UPLOAD_MESSAGE: usize = 128 * 1024;

/// The RPC handlers.
pub fn routes(parts: &Parts, skin: &Skin, audit: AuditLog) -> Routes {
    let areas = AreaService::server(parts.areas(), skin.clone());
    let rule_sets = rule_sets::rpc::Handler(parts.rule_sets());
    let rule_sets = RuleSetService::server(rule_sets, skin.clone());
    let key_areas = key_areas::rpc::Handler(parts.key_areas());
    let designations = designations::rpc::Handler(parts.designations());
    let rollbacks = rollbacks::rpc::Handler(parts.rollbacks());
    let recomparisons = recomparisons::rpc::Handler(parts.recomparisons());
    let reliefs = reliefs::rpc::Handler(parts.reliefs());
    let operations = operations::rpc::OperationRpc(parts.operations());
    let event_log = event_log::rpc::EventLog(parts.outbox());
    Routes::new(DecisionService::server(parts.decisions(), skin.clone()))
        .add_service(areas.max_decoding_message_size(MAX_UPLOAD_MESSAGE))
        .add_service(KeyAreaService::server(key_areas, skin.clone()))
        .add_service(RecomparisonService::server(
            recomparisons,
            skin.clone(),
            parts.lookups(),
        ))
        .add_service(rule_sets.max_decoding_message_size(MAX_ANNOUNCEMENT))
        .add_service(HistoryService::server(
            parts.history(),
            skin.clone(),
            parts.lookups(),
        ))
        .add_service(DesignationService::server(
            designations,
            skin.clone(),
            parts.lookups(),
        ))
        .add_service(OperationService::server(operations, skin.clone()))
        .add_service(RollbackService::server(rollbacks, skin.clone()))
        .add_service(ReliefService::server(reliefs, skin.clone()))
        .add_service(EventLogService::server(event_log, skin.clone()))
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit), skin.clone()))
}

/// The followers of the logs of identity and declaration.
pub fn followers(parts: &Parts, foundation: &Foundation, peers: &Peers) -> Vec<BoxFuture<'static, ()>> {
    let people = Follower {
        consumer: SERVICE,
        producer: ServiceName::Identity,
        database: parts.database(),
        source: Arc::new(identity_log::log(peers.identity.clone())),
        handler: Arc::new(parts.identity_follower()),
    };
    let declarations = Follower {
        consumer: SERVICE,
        producer: ServiceName::Declaration,
        database: parts.database(),
        source: Arc::new(declaration_log::log(peers.declaration.clone())),
        handler: Arc::new(parts.declaration_follower()),
    };
    let (bell, stop) = (&foundation.bell, &foundation.stop);
    vec![
        people.run(bell.clone(), stop.clone()).boxed(),
        declarations.run(bell.clone(), stop.clone()).boxed(),
    ]
}

/// The workers in the background.
pub fn workers(
    parts: &Parts,
    foundation: &Foundation,
    peers: &Peers,
    audit: &AuditLog,
) -> Vec<BoxFuture<'static, ()>> {
    let stop = || foundation.stop.clone();
    let (outbox, bell) = (parts.outbox(), foundation.bell.clone());
    vec![
        outbox.clone().run_relay(bell, stop()).boxed(),
        parts.effects().run(stop()).boxed(),
        parts.verifications().run(stop()).boxed(),
        parts.operations().sweep(forget_subjects, stop()).boxed(),
        parts.due_decisions().run(stop()).boxed(),
        parts.days().run(stop()).boxed(),
        parts.rollback_runner().run(stop()).boxed(),
        parts.activation().run(stop()).boxed(),
        parts.recomparison_runner().run(WORKERS, stop()).boxed(),
        parts
            .lookups()
            .deliver(IdentityLookups::new(peers.identity.clone()), stop())
            .boxed(),
        audit.clone().seal_days(stop()).boxed(),
        parts.store().upkeep(foundation, Some(outbox)),
    ]
}
