#![doc = include_str!("../README.md")]

mod audit; // the audit log
mod colour_maps; // how values on the wire are read: GetColourMap, ListColourMaps
mod config;
mod exchanges; // messages of partners: VerifyHealthCode, GetMessageKey
mod fault; // every reason that is answered
mod message_records; // what crossed the border: ListMessageRecords, GetMessageRecord, GetEvidence
mod migrations;
mod national_codes; // QueryNationalCode
mod onboarding; // what a new partner hands over
mod partner_codes; // VerifyPartnerCode
mod partners; // states of partners: ProposePartner, ApprovePartner, RejectPartner, GetPartner, ListPartners
mod peers; // code-rendering
mod records; // several records of a person, and which counts
mod seal; // seals of rows
mod trust_lists; // signed lists: CreateTrustList, ActivateTrustList, RejectTrustList, GetTrustList, ListTrustLists

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{BuildError, Component, Foundation, Store};
use lutong_kernel::ServiceName;
use lutong_skin::federation::v1::{
    AuditService, ColourMapService, ExchangeService, MessageRecordService, NationalCodeService,
    PartnerCodeService, PartnerService, TrustListService,
};
use lutong_storage::StorageConfig;

use crate::colour_maps::domain::ColourMaps;
use crate::colour_maps::rpc::ColourMapRpc;
use crate::exchanges::rpc::ExchangeRpc;
use crate::exchanges::service::Exchanges;
use crate::message_records::rpc::MessageRecordRpc;
use crate::message_records::service::MessageRecords;
use crate::national_codes::rpc::NationalCodeRpc;
use crate::national_codes::service::NationalCodes;
use crate::partner_codes::rpc::PartnerCodeRpc;
use crate::partner_codes::service::PartnerCodes;
use crate::partners::rpc::PartnerRpc;
use crate::partners::service::Partners;
use crate::records::domain::RecordPolicies;
use crate::trust_lists::domain::{Roots, TrustList};
use crate::trust_lists::rpc::TrustListRpc;
use crate::trust_lists::service::TrustLists;
use crate::trust_lists::service::current::CurrentTrust;

pub use config::FederationConfig;
pub use message_records::domain::evidence;
pub use migrations::Migrations;
pub use onboarding::domain as onboarding_folder;
pub use peers::Peers;
pub use records::domain as health_record;
pub use trust_lists::domain as trust_list;

const SERVICE: ServiceName = ServiceName::Federation;
/// Bytes of a request. A token has about a kilobyte.
const MAX_MESSAGE: usize = 64 * 1024;
/// Bytes of a request with a trust list, which has at most 64 KiB.
const MAX_LIST: usize = 80 * 1024;

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &FederationConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let (file, roots) = trust(config)?;
    let maps = Arc::new(ColourMaps::of_build().map_err(damaged)?);
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let audit = store.audit_log(foundation).await?;
    let opened = CurrentTrust::open(&store, foundation, roots, file).await;
    let current = opened.map_err(|source| BuildError::Storage {
        service: SERVICE,
        source,
    })?;
    let skin = store.skin(foundation);
    let partners = PartnerRpc(Partners::new(&store, foundation, current.clone()));
    let lists = TrustListRpc(TrustLists::new(&store, foundation, current.clone()));
    let exchanges = Exchanges::new(&store, foundation, current.clone(), peers);
    let codes = PartnerCodeRpc(PartnerCodes::new(
        &store,
        foundation,
        current.clone(),
        Arc::clone(&maps),
        exchanges.clone(),
    ));
    let national = national(foundation, config, &store, &current, &maps)?;
    let national = NationalCodeService::server(NationalCodeRpc(national), skin.clone());
    let records = MessageRecords::new(&store, foundation, current.clone(), exchanges.clone());
    let recorded = MessageRecordService::server(MessageRecordRpc(records.clone()), skin.clone());
    let maps = ColourMapService::server(ColourMapRpc(maps), skin.clone());
    let served = ExchangeService::server(ExchangeRpc(exchanges.clone()), skin.clone());
    let codes = PartnerCodeService::server(codes, skin.clone());
    let partners = PartnerService::server(partners, skin.clone());
    let lists = TrustListService::server(lists, skin.clone());
    let routes = tonic::service::Routes::new(codes.max_decoding_message_size(MAX_MESSAGE))
        .add_service(partners.max_decoding_message_size(MAX_MESSAGE))
        .add_service(maps.max_decoding_message_size(MAX_MESSAGE))
        .add_service(served.max_decoding_message_size(MAX_MESSAGE))
        .add_service(national.max_decoding_message_size(MAX_MESSAGE))
        .add_service(recorded.max_decoding_message_size(MAX_MESSAGE))
        .add_service(lists.max_decoding_message_size(MAX_LIST))
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit.clone()), skin));
    let stop = foundation.stop.clone();
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            current.follow(stop.clone()).boxed(),
            exchanges.forget(stop.clone()).boxed(),
            records.sign_heads(stop.clone()).boxed(),
            audit.seal_days(stop).boxed(),
            store.upkeep(foundation, None),
        ],
    })
}

/// The national platform, as the configuration has it.
fn national(
    foundation: &Foundation,
    config: &FederationConfig,
    store: &Store,
    current: &CurrentTrust,
    maps: &ColourMaps,
) -> Result<NationalCodes, BuildError> {
    let policies = RecordPolicies::of_build().map_err(damaged)?;
    let parts = national_codes::service::Parts::new(&config.national, foundation, maps, &policies);
    let parts = parts.map_err(|reason| damaged(format!("federation.national.{reason}")))?;
    Ok(NationalCodes::new(store, foundation, current.clone(), parts))
}

/// Reads the list and the root keys that the configuration names; `lutong config check` calls it, too.
pub fn trust(config: &FederationConfig) -> Result<(TrustList, Roots), BuildError> {
    let list = match &config.trust_list {
        None => TrustList::default(),
        Some(path) => {
            let text = read("trust_list", path)?;
            TrustList::parse(&text).map_err(|error| unusable("trust_list", path, error))?
        }
    };
    let roots = match &config.trust_root {
        None => Roots::default(),
        Some(path) => {
            let pem = read("trust_root", path)?;
            Roots::parse(&pem).map_err(|error| unusable("trust_root", path, error))?
        }
    };
    Ok((list, roots))
}

/// What this build has with it cannot be used.
fn damaged(reason: impl std::fmt::Display) -> BuildError {
    BuildError::Config {
        service: SERVICE,
        reason: reason.to_string(),
    }
}

fn read(field: &str, path: &Path) -> Result<String, BuildError> {
    std::fs::read_to_string(path).map_err(|error| unusable(field, path, error))
}

fn unusable(field: &str, path: &Path, reason: impl std::fmt::Display) -> BuildError {
    BuildError::Config {
        service: SERVICE,
        reason: format!("federation.{field} {}: {reason}", path.display()),
    }
}
