#![doc = include_str!("../README.md")]

mod approval; // what two operators did, as the contract has it
mod audit; // the audit log
mod batches; // signed changes of our codes, one chain each partner
mod colour_maps; // how values on the wire are read: GetColourMap, ListColourMaps
mod config;
mod conversion_rollbacks; // what is no longer believed: ProposeConversionRollback, ApproveConversionRollback, …
mod conversions; // converted codes: GetConversion, ListConversions, ConfirmConversions
mod event_log; // ListEvents
mod events; // what became of conversions
mod exchanges; // messages of partners: VerifyHealthCode, DeclareHealth, …, GetMessageKey
mod fault; // every reason that is answered
mod followed_codes; // our codes that were verified for a partner
mod message_records; // what crossed the border: ListMessageRecords, GetMessageRecord, GetEvidence
mod migrations;
mod national_codes; // QueryNationalCode
mod onboarding; // what a new partner hands over
mod outcomes; // outcomes as the contract has them
mod partner_codes; // VerifyPartnerCode
mod partner_exchanges; // what is called at partners: CallPartner
mod partner_qualities; // how well partners serve: GetPartnerQuality, ListPartnerQualities
mod partners; // states of partners: ProposePartner, ApprovePartner, RejectPartner, GetPartner, ListPartners
mod peers; // code-rendering, identity, declaration
mod records; // several records of a person, and which counts
mod seal; // seals of rows
mod subscriptions; // changes shared with partners: PullChanges, CompareCodes, AcknowledgeChanges, NotifyChanges, GetSubscription, …
mod trust_lists; // signed lists: CreateTrustList, ActivateTrustList, RejectTrustList, GetTrustList, ListTrustLists

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::audit::AuditLog;
use lutong_chassis::skin::Skin;
use lutong_chassis::{BuildError, Component, Foundation, Store};
use lutong_https::Authorities;
use lutong_kernel::{ServiceName, Timestamp};
use lutong_operating::health::Check;
use lutong_operating::tls::certificate::Validity;
use lutong_skin::federation::v1::{
    AuditService, ColourMapService, ConversionRollbackService, ConversionService, EventLogService,
    ExchangeService, MessageRecordService, NationalCodeService, PartnerCodeService, PartnerExchangeService,
    PartnerQualityService, PartnerService, SubscriptionService, TrustListService,
};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::{Follower, Outbox};
use lutong_token::Issuer;

use crate::batches::service::Batches;
use crate::colour_maps::domain::ColourMaps;
use crate::colour_maps::rpc::ColourMapRpc;
use crate::conversion_rollbacks::rpc::ConversionRollbackRpc;
use crate::conversion_rollbacks::service::ConversionRollbacks;
use crate::conversions::rpc::ConversionRpc;
use crate::conversions::service::Conversions;
use crate::exchanges::rpc::ExchangeRpc;
use crate::exchanges::service::{Exchanges, PartnerConnections};
use crate::followed_codes::service::FollowedCodes;
use crate::message_records::rpc::MessageRecordRpc;
use crate::message_records::service::MessageRecords;
use crate::national_codes::rpc::NationalCodeRpc;
use crate::national_codes::service::NationalCodes;
use crate::partner_codes::rpc::PartnerCodeRpc;
use crate::partner_codes::service::PartnerCodes;
use crate::partner_exchanges::rpc::PartnerExchangeRpc;
use crate::partner_exchanges::service::PartnerExchanges;
use crate::partner_qualities::rpc::PartnerQualityRpc;
use crate::partner_qualities::service::PartnerQualities;
use crate::partners::rpc::PartnerRpc;
use crate::partners::service::Partners;
use crate::peers::partner::PartnerClients;
use crate::records::domain::RecordPolicies;
use crate::subscriptions::rpc::SubscriptionRpc;
use crate::subscriptions::service::Subscriptions;
use crate::trust_lists::domain::{Roots, TrustList};
use crate::trust_lists::rpc::TrustListRpc;
use crate::trust_lists::service::TrustLists;
use crate::trust_lists::service::current::CurrentTrust;

pub use config::FederationConfig;
pub use message_records::domain::evidence;
pub use migrations::Migrations;
pub use onboarding::domain as onboarding_folder;
pub use peers::Peers;
pub use peers::partner_tls::{PartnerTlsConfig, PartnerTlsError};
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
    let province = province(config)?;
    let maps = Arc::new(ColourMaps::of_build().map_err(damaged)?);
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let audit = store.audit_log(foundation).await?;
    let opened = CurrentTrust::open((&store, foundation, province), roots, file).await;
    let current = opened.map_err(|source| BuildError::Storage {
        service: SERVICE,
        source,
    })?;
    let national = national(foundation, config, &store, &current, &maps)?;
    let (connections, certificate) = connections(foundation, config)?;
    let parts = Parts::new(
        &store,
        foundation,
        (current, (peers, connections), maps, national),
    );
    let stop = foundation.stop.clone();
    let mut tasks = parts.tasks(&store, foundation);
    tasks.push(audit.clone().seal_days(stop).boxed());
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(
            SERVICE,
            parts.routes(store.skin(foundation), audit.clone()),
            Some(audit),
        ),
        checks: checks(&store, certificate),
        tasks,
    })
}

/// The parts of the service.
struct Parts {
    current: CurrentTrust,
    maps: Arc<ColourMaps>,
    outbox: Outbox,
    followed: FollowedCodes,
    code_log: lutong_transport::client::MeshChannel,
    exchanges: Exchanges,
    batches: Batches,
    conversions: Conversions,
    rollbacks: ConversionRollbacks,
    subscriptions: Subscriptions,
    partners: Partners,
    lists: TrustLists,
    codes: PartnerCodes,
    at_partners: PartnerExchanges,
    qualities: PartnerQualities,
    national: NationalCodes,
    records: MessageRecords,
}

impl Parts {
    fn new(
        store: &Store,
        foundation: &Foundation,
        (current, (peers, connections), maps, national): (
            CurrentTrust,
            (Peers, PartnerConnections),
            Arc<ColourMaps>,
            NationalCodes,
        ),
    ) -> Self {
        let base = (store, foundation);
        let outbox = store.outbox();
        let code_log = peers.code_rendering.clone();
        let followed = FollowedCodes::new(store, foundation);
        let qualities = PartnerQualities::new(store, foundation, current.clone());
        let exchanges = Exchanges::new(
            base,
            (current.clone(), qualities.clone()),
            followed.clone(),
            (peers.clone(), connections),
        );
        let batches = Batches::new(base, current.clone(), followed.clone(), peers);
        let conversions = Conversions::new(store, foundation, outbox.clone());
        let subscriptions = Subscriptions::new(
            base,
            current.clone(),
            exchanges.clone(),
            batches.clone(),
            conversions.clone(),
        );
        let codes = PartnerCodes::new(
            base,
            current.clone(),
            (Arc::clone(&maps), qualities.clone()),
            exchanges.clone(),
            conversions.clone(),
        );
        Self {
            partners: Partners::new(store, foundation, current.clone()),
            lists: TrustLists::new(store, foundation, current.clone()),
            records: MessageRecords::new(store, foundation, current.clone(), exchanges.clone()),
            at_partners: PartnerExchanges::new(foundation, current.clone(), exchanges.clone()),
            qualities,
            national,
            maps,
            outbox,
            followed,
            code_log,
            exchanges,
            batches,
            rollbacks: ConversionRollbacks::new(base, current.clone(), conversions.clone()),
            conversions,
            subscriptions,
            codes,
            current,
        }
    }

    fn routes(&self, skin: Skin, audit: AuditLog) -> tonic::service::Routes {
        let codes = PartnerCodeService::server(PartnerCodeRpc(self.codes.clone()), skin.clone());
        let maps = ColourMapService::server(ColourMapRpc(Arc::clone(&self.maps)), skin.clone());
        let exchanges = ExchangeRpc {
            exchanges: self.exchanges.clone(),
            batches: self.batches.clone(),
        };
        let exchanges = ExchangeService::server(exchanges, skin.clone());
        let at_partners = PartnerExchangeRpc(self.at_partners.clone());
        let at_partners = PartnerExchangeService::server(at_partners, skin.clone());
        let subscriptions = SubscriptionRpc(self.subscriptions.clone());
        let subscriptions = SubscriptionService::server(subscriptions, skin.clone());
        let conversions = ConversionService::server(ConversionRpc(self.conversions.clone()), skin.clone());
        let qualities = PartnerQualityRpc(self.qualities.clone());
        let qualities = PartnerQualityService::server(qualities, skin.clone());
        let rollbacks = ConversionRollbackRpc(self.rollbacks.clone());
        let rollbacks = ConversionRollbackService::server(rollbacks, skin.clone());
        let partners = PartnerService::server(PartnerRpc(self.partners.clone()), skin.clone());
        let lists = TrustListService::server(TrustListRpc(self.lists.clone()), skin.clone());
        let national = NationalCodeService::server(NationalCodeRpc(self.national.clone()), skin.clone());
        let records = MessageRecordRpc(self.records.clone());
        let records = MessageRecordService::server(records, skin.clone());
        let log = EventLogService::server(event_log::rpc::EventLog(self.outbox.clone()), skin.clone());
        tonic::service::Routes::new(codes.max_decoding_message_size(MAX_MESSAGE))
            .add_service(partners.max_decoding_message_size(MAX_MESSAGE))
            .add_service(maps.max_decoding_message_size(MAX_MESSAGE))
            .add_service(exchanges.max_decoding_message_size(MAX_MESSAGE))
            .add_service(at_partners.max_decoding_message_size(MAX_MESSAGE))
            .add_service(subscriptions.max_decoding_message_size(MAX_MESSAGE))
            .add_service(conversions.max_decoding_message_size(MAX_MESSAGE))
            .add_service(rollbacks.max_decoding_message_size(MAX_MESSAGE))
            .add_service(qualities.max_decoding_message_size(MAX_MESSAGE))
            .add_service(log.max_decoding_message_size(MAX_MESSAGE))
            .add_service(national.max_decoding_message_size(MAX_MESSAGE))
            .add_service(records.max_decoding_message_size(MAX_MESSAGE))
            .add_service(lists.max_decoding_message_size(MAX_LIST))
            .add_service(AuditService::server(audit::rpc::AuditRpc(audit), skin))
    }

    fn tasks(&self, store: &Store, foundation: &Foundation) -> Vec<BoxFuture<'static, ()>> {
        let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
        let changes = Follower {
            consumer: SERVICE,
            producer: ServiceName::CodeRendering,
            database: store.database.clone(),
            source: Arc::new(peers::code_log::log(self.code_log.clone())),
            handler: Arc::new(self.followed.clone()),
        };
        vec![
            self.current.clone().follow(stop.clone()).boxed(),
            self.exchanges.clone().forget(stop.clone()).boxed(),
            self.records.clone().sign_heads(stop.clone()).boxed(),
            self.outbox.clone().run_relay(bell.clone(), stop.clone()).boxed(),
            changes.run(bell, stop.clone()).boxed(),
            self.batches.clone().run(stop.clone()).boxed(),
            self.subscriptions.clone().notify_all(stop.clone()).boxed(),
            self.rollbacks.clone().resume(stop.clone()).boxed(),
            self.qualities.clone().run(stop.clone()).boxed(),
            self.subscriptions.clone().pull_all(stop).boxed(),
            store.upkeep(foundation, Some(self.outbox.clone())),
        ]
    }
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

/// How partners are called and may call, and how long the certificate is valid that is shown to them.
fn connections(
    foundation: &Foundation,
    config: &FederationConfig,
) -> Result<(PartnerConnections, Option<Validity>), BuildError> {
    let tls = &config.partner_tls;
    let opened = tls.open(foundation.clock.now());
    let (client, certificate) = opened.map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        damaged(format_args!("federation.partner_tls: {}", wrong.join("; ")))
    })?;
    let has_authorities = !matches!(tls.authorities(), Authorities::Nobody);
    let connections = PartnerConnections {
        clients: PartnerClients::new(client, has_authorities),
        accepts_public: config.accept_without_certificate,
    };
    Ok((connections, certificate))
}

fn checks(store: &Store, certificate: Option<Validity>) -> Vec<Check> {
    let certificate = certificate.map(Validity::check_of_partner_client);
    [store.check::<Migrations>()]
        .into_iter()
        .chain(certificate)
        .collect()
}

/// Reads the certificate that is shown to partners, and the authorities of theirs; how long the certificate is valid, where there is one.
/// `lutong config check` calls it, too.
pub fn partner_certificate(
    config: &FederationConfig,
    now: Timestamp,
) -> Result<Option<Validity>, Vec<PartnerTlsError>> {
    config.partner_tls.open(now).map(|(_, validity)| validity)
}

/// Reads the list and the root keys that the configuration names; `lutong config check` calls it, too.
pub fn trust(config: &FederationConfig) -> Result<(TrustList, Roots), BuildError> {
    let list = match &config.trust_list {
        None => TrustList::default(),
        Some(path) => {
            let text = read("trust_list", path)?;
            let list = TrustList::parse(&text).map_err(|error| unusable("trust_list", path, error))?;
            if !list.is_for(province(config)?) {
                return Err(unusable(
                    "trust_list",
                    path,
                    "a list of another province's partners",
                ));
            }
            list
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

fn province(config: &FederationConfig) -> Result<Issuer, BuildError> {
    Issuer::parse(&config.province)
        .map_err(|error| damaged(format_args!("federation.province {:?}: {error}", config.province)))
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
