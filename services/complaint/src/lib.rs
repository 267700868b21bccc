#![doc = include_str!("../README.md")]

mod audit; // the audit log
mod config; // what an operator sets
pub mod domain; // what is filed, the states and clocks of a case, working days, tracking numbers, what is published
mod fault; // every reason that is answered
mod migrations;
mod peers; // risk-rules, declaration, code-rendering, identity
mod rpc; // complaints for whoever files, cases and appeals for staff, attachments, fact reviews for feeds, places, refusals of recognition, numbers
mod service; // filing, following, handling, deadlines, appeals, attachments, questions to sources, places, refusals of recognition, numbers
mod store; // the tables `complaints`, `case_clocks`, `case_events`, `attachments`, `fact_reviews`, `recognition_refusals`, those of places

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::lookups::{IdentityLookups, LookupLog};
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::complaint::v1::{
    AccountabilityCaseService, AppealService, AttachmentService, AuditService, CaseService, ComplaintService,
    FactReviewService, HotlineOrderService, PlaceService, PublicNumberService, RecognitionRefusalService,
};
use lutong_storage::StorageConfig;

use crate::domain::accountability::rules::Rules;
use crate::domain::divisions::Divisions;
use crate::domain::handling::Handling;
use crate::service::accountability_cases::AccountabilityCases;
use crate::service::attachments::Attachments;
use crate::service::places::Places;
use crate::service::public_numbers::PublicNumbers;
use crate::service::recognition_refusals::RecognitionRefusals;

pub use config::{ComplaintConfig, relief_policy};
pub use migrations::Migrations;
pub use peers::Peers;

const SERVICE: ServiceName = ServiceName::Complaint;
/// Bytes of a request: eight times the longest text.
const MAX_MESSAGE: usize = 64 * 1024;

/// The same of a piece of orders of the hotline.
const MAX_ORDERS: usize = 640 * 1024;

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &ComplaintConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let mut handling = Handling::of_province().map_err(|error| damaged(&error))?;
    handling.relief = relief_policy(config)?;
    let divisions = Divisions::of_province().map_err(|error| damaged(&error))?;
    let rules = Rules::of_province().map_err(|error| damaged(&error))?;
    let (rules, calendar, divisions) = (Arc::new(rules), handling.calendar.clone(), Arc::new(divisions));
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let audit = store.audit_log(foundation).await?;
    let lookups = LookupLog::new(&store, foundation);
    let identity_lookups = IdentityLookups::new(peers.identity.clone());
    let complaints = service::Complaints::new(&store, foundation, handling, Arc::clone(&rules), peers);
    let skin = store.skin(foundation);
    let own = ComplaintService::server(rpc::ComplaintRpc(complaints.clone()), skin.clone());
    let cases = rpc::cases::CaseRpc(complaints.clone());
    let cases = CaseService::server(cases, skin.clone(), lookups.clone());
    let appeals = rpc::appeals::AppealRpc(complaints.clone());
    let appeals = AppealService::server(appeals, skin.clone(), lookups.clone());
    let attachments = rpc::attachments::AttachmentRpc(Attachments::new(complaints.clone()));
    let attachments = AttachmentService::server(attachments, skin.clone(), lookups.clone());
    let reviews = rpc::fact_reviews::FactReviewRpc(complaints.clone());
    let reviews = FactReviewService::server(reviews, skin.clone());
    let orders = rpc::hotline_orders::HotlineOrderRpc(complaints.clone());
    let orders = HotlineOrderService::server(orders, skin.clone());
    let refusals = RecognitionRefusals::new(&store, foundation, Arc::clone(&divisions));
    let refusals = rpc::recognition_refusals::RecognitionRefusalRpc(refusals);
    let refusals = RecognitionRefusalService::server(refusals, skin.clone());
    let numbers = rpc::public_numbers::PublicNumberRpc(PublicNumbers::new(&store, foundation));
    let numbers = PublicNumberService::server(numbers, skin.clone());
    let places = rpc::places::PlaceRpc(Places::new(&store, foundation, divisions, Arc::clone(&rules)));
    let places = PlaceService::server(places, skin.clone());
    let accountability = AccountabilityCases::new(&store, foundation, calendar, rules);
    let held = rpc::accountability_cases::AccountabilityCaseRpc(accountability.clone());
    let held = AccountabilityCaseService::server(held, skin.clone());
    let routes = tonic::service::Routes::new(own.max_decoding_message_size(MAX_MESSAGE))
        .add_service(cases.max_decoding_message_size(MAX_MESSAGE))
        .add_service(appeals.max_decoding_message_size(MAX_MESSAGE))
        .add_service(attachments.max_decoding_message_size(MAX_MESSAGE))
        .add_service(reviews.max_decoding_message_size(MAX_MESSAGE))
        .add_service(refusals.max_decoding_message_size(MAX_MESSAGE))
        .add_service(orders.max_decoding_message_size(MAX_ORDERS))
        .add_service(places.max_decoding_message_size(MAX_MESSAGE))
        .add_service(held.max_decoding_message_size(MAX_MESSAGE))
        .add_service(numbers.max_decoding_message_size(MAX_MESSAGE))
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit.clone()), skin));
    let stop = foundation.stop.clone();
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            complaints.keep_deadlines(stop.clone()).boxed(),
            accountability.keep_weighing(stop.clone()).boxed(),
            lookups.deliver(identity_lookups, stop.clone()).boxed(),
            audit.seal_days(stop).boxed(),
            store.upkeep(foundation, None),
        ],
    })
}

/// The data of the province that this build has cannot be read.
fn damaged(error: &dyn std::fmt::Display) -> BuildError {
    BuildError::Config {
        service: SERVICE,
        reason: error.to_string(),
    }
}
