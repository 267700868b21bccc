#![doc = include_str!("../README.md")]

pub mod domain;
mod events;
mod peers;
mod rpc;
mod service;
mod store;

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

pub use service::accounts::Accounts;
pub use store::Migrations;
pub use store::accounts::StoredAccount;

const SERVICE: ServiceName = ServiceName::Identity;
/// The documents of an import's message, which is not larger itself.
const MAX_MESSAGE: usize = 1024 * 1024;
/// An account's id.
const MAX_ACCOUNT: usize = 64 * 1024;

/// Builds the service. `declaration` is whose log says which registrations a declaration followed.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    declaration: MeshChannel,
) -> Result<Component, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    let (outbox, audit) = (store.outbox(), store.audit_log(foundation).await?);
    let skin = store.skin(foundation);
    let registry = service::registry::Registry::new(&store, foundation);
    let merging = service::merging::Merging::new(&store, foundation, registry.clone(), outbox.clone());
    let accounts = Accounts::new(store.database.clone(), Arc::clone(&foundation.clock));
    let people = IdentityService::server(rpc::IdentityRpc(registry.clone()), skin.clone());
    let accounts = AccountService::server(rpc::accounts::AccountRpc(accounts), skin.clone());
    let merges = MergeService::server(rpc::merging::MergeRpc(merging), skin.clone());
    let routes = tonic::service::Routes::new(people.max_decoding_message_size(MAX_MESSAGE))
        .add_service(accounts.max_decoding_message_size(MAX_ACCOUNT))
        .add_service(merges)
        .add_service(EventLogService::server(
            rpc::event_log::EventLog(outbox.clone()),
            skin.clone(),
        ))
        .add_service(AuditService::server(rpc::audit::AuditRpc(audit.clone()), skin));
    let follower = || Follower {
        consumer: SERVICE,
        producer: ServiceName::Declaration,
        database: store.database.clone(),
        source: Arc::new(peers::declaration_log::log(declaration.clone())),
        handler: Arc::new(service::confirmation::Confirmation::new(
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
            service::confirmation::erase_unconfirmed(registry, follower(), foundation.clone()).boxed(),
            audit.seal_days(foundation.stop.clone()).boxed(),
            store.upkeep(foundation, Some(outbox)),
        ],
    })
}

/// The accounts of a store, for the operator's `lutong accounts`.
pub async fn open_accounts(foundation: &Foundation, storage: &StorageConfig) -> Result<Accounts, BuildError> {
    let store = foundation.open_store::<Migrations>(SERVICE, storage, &[]).await?;
    Ok(Accounts::new(store.database, Arc::clone(&foundation.clock)))
}
