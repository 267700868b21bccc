#![doc = include_str!("../README.md")]

mod accounts; // who signs in: GetAccount, ListAccountChanges, GetFeed, `lutong accounts`
mod audit; // the audit log
mod event_log; // ListEvents
mod events; // what the event log says about a subject
mod merges; // subjects that are one person: CreateMerge, UndoMerge, GetMerge, ListMerges
mod migrations;
mod peers; // declaration's log
mod people; // RegisterPerson, ResolveDocuments, GetNameMasks, confirmation

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_skin::identity::v1::{
    AccountService, AuditService, EventLogService, IdentityService, MergeService,
};
use lutong_storage::StorageConfig;
use lutong_storage::outbox::Follower;
use lutong_transport::client::MeshChannel;

pub use accounts::domain::{ACTING, Account, AccountAction, AccountChange, AccountId};
pub use accounts::service::Accounts;
pub use accounts::store::StoredAccount;
pub use migrations::Migrations;

const SERVICE: ServiceName = ServiceName::Identity;
/// Bytes of a request of `IdentityService`: the documents of one message of an import, which has the same bound.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Bytes of a request of `AccountService`.
const MAX_ACCOUNT: usize = 64 * 1024;

/// Builds the service. The log of `declaration` says which registrations a declaration followed.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    declaration: MeshChannel,
) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let (outbox, audit) = (store.outbox(), store.audit_log(foundation).await?);
    let skin = store.skin(foundation);
    let registry = people::service::Registry::new(&store, foundation);
    let merges = merges::service::Merges::new(&store, foundation, registry.clone(), outbox.clone());
    let accounts = Accounts::new(store.database.clone(), Arc::clone(&foundation.clock));
    let people = IdentityService::server(people::rpc::IdentityRpc(registry.clone()), skin.clone());
    let accounts = AccountService::server(accounts::rpc::AccountRpc(accounts), skin.clone());
    let merges = MergeService::server(merges::rpc::MergeRpc(merges), skin.clone());
    let routes = tonic::service::Routes::new(people.max_decoding_message_size(MAX_MESSAGE))
        .add_service(accounts.max_decoding_message_size(MAX_ACCOUNT))
        .add_service(merges)
        .add_service(EventLogService::server(
            event_log::rpc::EventLog(outbox.clone()),
            skin.clone(),
        ))
        .add_service(AuditService::server(audit::rpc::AuditRpc(audit.clone()), skin));
    let follower = || Follower {
        consumer: SERVICE,
        producer: ServiceName::Declaration,
        database: store.database.clone(),
        source: Arc::new(peers::declaration_log::log(declaration.clone())),
        handler: Arc::new(people::service::confirmation::ConfirmationFollower::new(
            &store,
            foundation,
            outbox.clone(),
        )),
    };
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit.clone())),
        checks: vec![store.check::<Migrations>()],
        tasks: vec![
            outbox
                .clone()
                .run_relay(foundation.bell.clone(), foundation.stop.clone())
                .boxed(),
            follower()
                .run(foundation.bell.clone(), foundation.stop.clone())
                .boxed(),
            people::service::confirmation::erase_unconfirmed(registry, follower(), foundation.clone())
                .boxed(),
            audit.seal_days(foundation.stop.clone()).boxed(),
            store.upkeep(foundation, Some(outbox)),
        ],
    })
}

/// Opens the accounts of a store, for the command `lutong accounts`.
pub async fn open_accounts(foundation: &Foundation, storage: &StorageConfig) -> Result<Accounts, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    Ok(Accounts::new(store.database, Arc::clone(&foundation.clock)))
}
