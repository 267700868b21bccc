#![doc = include_str!("../README.md")]

mod accounts; // who signs in: GetAccount, ListAccountChanges, GetFeed, `lutong accounts`
mod audit; // the audit log
mod bindings; // family bindings: CreateBinding, ConsentBinding, EndBinding, ConfirmBinding
mod code_notices; // tells people that their code has changed; follows code-rendering's log
mod composition; // the parts of health cards
mod config;
mod event_log; // ListEvents
mod events; // what the event log says about a subject
mod fault; // every reason that is answered
mod health_card_uses; // CreateHealthCardUse, ListHealthCardUses; passes them on to the card platform
mod health_cards; // CreateHealthCard, GetHealthCard, SuspendHealthCard, ResumeHealthCard, ReadHealthCard
mod lookups; // who looked at whose data: ListLookups, InspectLookups, RecordLookups
mod medical_institutions; // CreateMedicalInstitution, GetMedicalInstitution, ListMedicalInstitutions, EndMedicalInstitution
mod medical_steps; // the code table of steps of care
mod medical_terminals; // CreateMedicalTerminal, ListMedicalTerminals, EndMedicalTerminal
mod merges; // subjects that are one person: CreateMerge, UndoMerge, GetMerge, ListMerges
mod messages; // text messages to people
mod migrations;
mod one_time_codes; // CreateOneTimeCode
mod partner_consents; // what other code systems may have: CreatePartnerConsent, VerifyPartnerConsent, …
mod patient_bindings; // CreatePatientBinding, ListPatientBindings, EndPatientBinding
mod peers; // the logs of declaration and code-rendering, code-rendering itself, the real-name check, the card platform
mod people; // ResolveDocuments, GetNameMasks, confirmation
mod person_changes; // a person's own data: GetPerson, UpdatePerson, ReplaceDocument, ListPersonChanges
mod person_disclosures; // DiscloseDocument
mod registrations; // RegisterPerson, RegisterBatch, RegisterAtCounter, ConfirmRegistration, OpenAccount: who may hold whose code
mod rounds; // background work in rounds

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::audit::AuditLog;
use lutong_chassis::lookups::LookupLog;
use lutong_chassis::skin::Skin;
use lutong_chassis::{BuildError, Component, Foundation, Store};
use lutong_kernel::ServiceName;
use lutong_skin::identity::v1::{
    AccountService, AuditService, BindingService, EventLogService, IdentityService, LookupService,
    MergeService, OneTimeCodeService, PartnerConsentService, PersonDisclosureService, PersonService,
    RegistrationService,
};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::{Follower, Outbox};
use lutong_transport::client::MeshChannel;
use tonic::service::Routes;

use composition::CardParts;

pub use accounts::domain::{ACTING, Account, AccountAction, AccountChange, AccountId, OF_DESKS};
pub use accounts::service::Accounts;
pub use accounts::store::StoredAccount;
pub use bindings::domain::BindingPolicy;
pub use config::IdentityConfig;
pub use messages::MessagesConfig;
pub use migrations::Migrations;

const SERVICE: ServiceName = ServiceName::Identity;
/// Bytes of a request of `IdentityService`: the documents of one message of an import, which has the same bound.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Bytes of a request of `AccountService`.
const MAX_ACCOUNT: usize = 64 * 1024;

/// The services that this one calls.
pub struct Peers {
    /// Its log says which registrations a declaration followed.
    pub declaration: MeshChannel,
    /// Shows codes to the binders that it knows; its log says whose code has changed.
    pub code_rendering: MeshChannel,
}

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &IdentityConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let (outbox, audit) = (store.outbox(), store.audit_log(foundation).await?);
    let skin = store.skin(foundation);
    let registry = people::service::Registry::new(&store, foundation);
    let merges = merges::service::Merges::new(&store, foundation, registry.clone(), outbox.clone());
    let accounts = Accounts::new(store.database.clone(), Arc::clone(&foundation.clock));
    let messages = messages::Messages::new(&config.messages)?;
    let codes = one_time_codes::service::OneTimeCodes::new(&store, foundation, messages.clone());
    let parts = registrations::service::Parts {
        registry: registry.clone(),
        codes: codes.clone(),
        check: peers::real_name::RealNameCheck::new(&config.real_name)?,
        messages,
        retry: Duration::from_secs(config.real_name.retry_s),
        outbox: outbox.clone(),
        is_development: config.trust_stated,
    };
    let (log_channel, told) = (peers.code_rendering.clone(), parts.messages.clone());
    let notices = notices(&store, foundation, told, log_channel);
    let code_rendering = peers::code_rendering::CodeRendering::new(peers.code_rendering);
    let cards = CardParts::new(&store, foundation, &config.card_platform, code_rendering.clone())?;
    let bindings = bindings::service::Parts {
        outbox: outbox.clone(),
        registry: registry.clone(),
        codes: codes.clone(),
        messages: parts.messages.clone(),
        code_rendering,
        policy: config.bindings,
        is_development: config.trust_stated,
    };
    let bindings = bindings::service::Bindings::new(&store, foundation, bindings);
    let registrations = registrations::service::Registrations::new(&store, foundation, parts);
    let waiting = registrations::waiting::WaitingRoom::new(registrations.clone(), outbox.clone());
    let parts = person_changes::service::Parts {
        outbox: outbox.clone(),
        registrations: registrations.clone(),
        merges: merges.clone(),
    };
    let persons = person_changes::service::Persons::new(&store, foundation, parts);
    let channels = registrations::channel_accounts::ChannelAccounts {
        accounts: accounts.clone(),
        registrations: registrations.clone(),
        key: store.index_key.clone(),
    };
    let registration_rpc = registrations::rpc::RegistrationRpc(registrations.clone());
    let people = people::rpc::IdentityRpc {
        registry: registry.clone(),
        registrations,
        bindings: bindings.clone(),
    };
    let people = IdentityService::server(people, skin.clone());
    let accounts = AccountService::server(accounts::rpc::AccountRpc { accounts, channels }, skin.clone());
    let one_time_codes =
        OneTimeCodeService::server(one_time_codes::rpc::OneTimeCodeRpc(codes.clone()), skin.clone());
    let binding_rpc = BindingService::server(bindings::rpc::BindingRpc(bindings.clone()), skin.clone());
    let (lookups, log) = (
        lookups::service::Lookups::new(&store),
        LookupLog::new(&store, foundation),
    );
    let persons = PersonService::server(person_changes::rpc::PersonRpc(persons), skin.clone());
    let routes = Routes::new(people.max_decoding_message_size(MAX_MESSAGE))
        .add_service(accounts.max_decoding_message_size(MAX_ACCOUNT))
        .add_service(binding_rpc)
        .add_service(one_time_codes)
        .add_service(persons)
        .add_service(RegistrationService::server(registration_rpc, skin.clone()));
    let routes = with_logs(routes, (&outbox, &audit), &skin);
    let routes = with_recognition(routes, (&store, foundation, &registry), (&skin, &log));
    let routes = with_ledger(routes, merges, lookups.clone(), (&skin, &log));
    let routes = cards.routes(routes, &skin, &log);
    let (bell, stop) = (&foundation.bell, &foundation.stop);
    let confirmed = Confirmed {
        declaration: peers.declaration,
        asks_for_cards: cards.is_on(),
    };
    let follower = || declaration_follower(&store, foundation, &outbox, &confirmed);
    let mut tasks = cards.tasks(foundation);
    tasks.extend(notices);
    tasks.extend(vec![
        outbox.clone().run_relay(bell.clone(), stop.clone()).boxed(),
        follower().run(bell.clone(), stop.clone()).boxed(),
        people::service::confirmation::erase_unconfirmed(registry, follower(), foundation.clone()).boxed(),
        bindings.run(foundation.clone()).boxed(),
        log.deliver(lookups, stop.clone()).boxed(),
        waiting.run(foundation.clone()).boxed(),
        codes.delete_old(foundation.clone()).boxed(),
        audit.clone().seal_days(stop.clone()).boxed(),
        store.upkeep(foundation, Some(outbox.clone())),
    ]);
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks,
    })
}

/// Adds the event log and the audit log.
fn with_logs(routes: Routes, (outbox, audit): (&Outbox, &AuditLog), skin: &Skin) -> Routes {
    let events = event_log::rpc::EventLog(outbox.clone());
    let audit = audit::rpc::AuditRpc(audit.clone());
    routes
        .add_service(EventLogService::server(events, skin.clone()))
        .add_service(AuditService::server(audit, skin.clone()))
}

/// Adds the ledger of who looked at whose data, and merges, which are looked at.
fn with_ledger(
    routes: Routes,
    merges: merges::service::Merges,
    lookups: lookups::service::Lookups,
    (skin, log): (&Skin, &LookupLog),
) -> Routes {
    let merges = MergeService::server(merges::rpc::MergeRpc(merges), skin.clone(), log.clone());
    let lookups = LookupService::server(lookups::rpc::LookupRpc(lookups), skin.clone(), log.clone());
    routes
        .add_service(lookups.max_decoding_message_size(MAX_MESSAGE))
        .add_service(merges)
}

/// Adds what other code systems and the national platform may have of people.
fn with_recognition(
    routes: Routes,
    (store, foundation, registry): (&Store, &Foundation, &people::service::Registry),
    (skin, log): (&Skin, &LookupLog),
) -> Routes {
    let consents = partner_consents::service::PartnerConsents::new(store, foundation, registry.clone());
    let consents = partner_consents::rpc::PartnerConsentRpc(consents);
    let disclosures = person_disclosures::rpc::PersonDisclosureRpc(registry.clone());
    routes
        .add_service(PartnerConsentService::server(consents, skin.clone()))
        .add_service(PersonDisclosureService::server(
            disclosures,
            skin.clone(),
            log.clone(),
        ))
}

/// Notes whose code has changed, and tells them.
fn notices(
    store: &Store,
    foundation: &Foundation,
    messages: messages::Messages,
    code_rendering: MeshChannel,
) -> [BoxFuture<'static, ()>; 2] {
    let notices = code_notices::service::CodeNotices::new(store, foundation, messages);
    let follower = Follower {
        consumer: SERVICE,
        producer: ServiceName::CodeRendering,
        database: store.database.clone(),
        source: Arc::new(peers::code_log::log(code_rendering)),
        handler: Arc::new(notices.clone()),
    };
    let (bell, stop) = (foundation.bell.clone(), foundation.stop.clone());
    [
        follower.run(bell, stop).boxed(),
        notices.run(foundation.clone()).boxed(),
    ]
}

/// What a confirmation reads, and what it leads to.
struct Confirmed {
    declaration: MeshChannel,
    /// Whether a health card is asked for with it.
    asks_for_cards: bool,
}

/// Confirms the registrations that a declaration followed.
fn declaration_follower(
    store: &Store,
    foundation: &Foundation,
    outbox: &Outbox,
    confirmed: &Confirmed,
) -> Follower {
    Follower {
        consumer: SERVICE,
        producer: ServiceName::Declaration,
        database: store.database.clone(),
        source: Arc::new(peers::declaration_log::log(confirmed.declaration.clone())),
        handler: Arc::new(people::service::confirmation::ConfirmationFollower::new(
            store,
            foundation,
            outbox.clone(),
            confirmed.asks_for_cards,
        )),
    }
}

/// Opens the accounts of a store, for the command `lutong accounts`.
pub async fn open_accounts(foundation: &Foundation, storage: &StorageConfig) -> Result<Accounts, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    Ok(Accounts::new(store.database, Arc::clone(&foundation.clock)))
}
