//! Operations of one service: read, listed, watched, ended, forgotten a month after their end.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use lutong_kernel::{Clock, Fault, FaultCode};
use lutong_proto::policy::Role;
use sea_orm::DatabaseTransaction;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::{self, Filter};
use super::{Ended, KEPT_DAYS, Operation};
use crate::skin::Page;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{CasePermit, Grant};
use lutong_transport::reply;

const COLLECTION: &str = "operations";
/// Between two looks at a watched operation.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A watcher hears this often when nothing has changed: at least every 15 s is promised, and a look comes late on a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Operations forgotten by one transaction.
const SWEPT: u64 = 500;

/// Whose operations somebody sees.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Those that this account began.
    Own(String),
    /// All.
    All,
}

/// The operations of a service; cheap to clone.
#[derive(Clone)]
pub struct Operations {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl Sight {
    /// Operators and auditors see every operation, others their own.
    pub fn of(grant: &Grant, permit: &CasePermit) -> Self {
        let roles = grant.principal().roles;
        if roles.has(Role::Operator) || roles.has(Role::Auditor) {
            Self::All
        } else {
            Self::Own(permit.account().to_owned())
        }
    }

    fn account(&self) -> Option<&str> {
        match self {
            Self::Own(account) => Some(account),
            Self::All => None,
        }
    }

    fn has(&self, operation: &Operation) -> bool {
        self.account().is_none_or(|account| operation.account == account)
    }
}

/// The id in the name of an operation.
pub fn parse_name(name: &str) -> Result<Uuid, Fault> {
    parse_reference("name", name)
}

/// The same in a field that refers to one.
pub fn parse_reference(field: &str, name: &str) -> Result<Uuid, Fault> {
    reply::uuid_in(field, name, COLLECTION)
}

impl Operations {
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// An operation; somebody else's is answered as if there were none.
    pub async fn get(&self, sight: &Sight, id: Uuid) -> Result<Operation, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.filter(|one| sight.has(one)).ok_or_else(not_found)
    }

    /// A page, the newest first, and the next page's token.
    pub async fn list(
        &self,
        sight: &Sight,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<Operation>, String), Fault> {
        let before = page.after_id()?;
        let filter = Filter {
            account: sight.account().map(str::to_owned),
            ..filter
        };
        let found = store::list(self.database.reader(), &filter, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Says how far one is whenever that has changed, and at every heartbeat, until it ends.
    pub async fn watch(
        &self,
        sight: Sight,
        id: Uuid,
    ) -> Result<BoxStream<'static, Result<Operation, Fault>>, Fault> {
        let first = self.get(&sight, id).await?;
        let watch = Watch {
            operations: self.clone(),
            sight,
            said: first.clone(),
        };
        let rest = stream::unfold(Some(watch), |watch| async move { watch?.next().await });
        Ok(stream::once(async move { Ok(first) }).chain(rest).boxed())
    }

    /// Ends one that may be ended, in the transaction in which `also` ends its work; a worker looks before it goes on.
    pub async fn cancel<F>(
        &self,
        sight: Sight,
        request: RequestKey,
        id: Uuid,
        also: F,
    ) -> Result<Operation, Fault>
    where
        F: for<'t> FnOnce(
                &'t DatabaseTransaction,
                Operation,
            ) -> futures::future::BoxFuture<'t, Result<(), StorageError>>
            + Send
            + 'static,
    {
        let now = self.clock.now();
        let cancelled = self.database.write(move |transaction| {
            async move {
                let found = store::find(transaction, id).await?;
                let found = found.filter(|one| sight.has(one)).ok_or_else(not_found)?;
                let claim = idempotency::claim(transaction, &request, id.as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok(found);
                }
                let ended = |found: &Operation| reply::wrong_state(found.state.as_str(), &[]);
                if !found.state.is_open() {
                    return Err(ended(&found));
                }
                if !found.can_be_cancelled() {
                    return Err(not_cancellable());
                }
                if !store::finish(transaction, id, Ended::Cancelled, now).await? {
                    return Err(ended(&found));
                }
                let ended = store::find(transaction, id).await?.ok_or_else(not_found)?;
                also(transaction, ended.clone()).await?;
                Ok(ended)
            }
            .boxed()
        });
        cancelled.await
    }

    /// Forgets operations a month after their end, until `stop`; `also` forgets what a service keeps about them.
    pub async fn sweep<F>(self, also: F, stop: CancellationToken)
    where
        F: for<'t> Fn(
                &'t DatabaseTransaction,
                Vec<Uuid>,
            ) -> futures::future::BoxFuture<'t, Result<(), StorageError>>
            + Copy
            + Send
            + Sync
            + 'static,
    {
        loop {
            if let Err(error) = self.sweep_once(also).await {
                tracing::warn!(%error, "ended operations could not be forgotten; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(SWEEP_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn sweep_once<F>(&self, also: F) -> Result<(), StorageError>
    where
        F: for<'t> Fn(
                &'t DatabaseTransaction,
                Vec<Uuid>,
            ) -> futures::future::BoxFuture<'t, Result<(), StorageError>>
            + Copy
            + Send
            + Sync
            + 'static,
    {
        let kept = Duration::from_secs(KEPT_DAYS.unsigned_abs() * 86_400);
        let before = self.clock.now().minus(kept);
        let mut forgotten = 0;
        loop {
            let old = store::ended_before(self.database.reader(), before, SWEPT).await?;
            if old.is_empty() {
                break;
            }
            let gone: Result<u64, StorageError> = self
                .database
                .write(move |transaction| {
                    async move {
                        also(transaction, old.clone()).await?;
                        store::delete(transaction, &old).await
                    }
                    .boxed()
                })
                .await;
            forgotten += gone?;
        }
        if forgotten > 0 {
            tracing::info!(forgotten, "operations that ended a month ago are forgotten");
        }
        Ok(())
    }
}

/// Somebody who watches an operation.
struct Watch {
    operations: Operations,
    sight: Sight,
    said: Operation,
}

type Said = (Result<Operation, Fault>, Option<Watch>);

impl Watch {
    /// Waits for a change or the heartbeat; `None` once its end was said.
    async fn next(mut self) -> Option<Said> {
        if !self.said.state.is_open() {
            return None;
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = match self.operations.get(&self.sight, self.said.id).await {
                Ok(found) => found,
                Err(fault) => return Some((Err(fault), None)),
            };
            if found != self.said || Instant::now() >= heartbeat {
                self.said = found.clone();
                return Some((Ok(found), Some(self)));
            }
        }
    }
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "OPERATION_NOT_FOUND",
        "没有该操作，或不是由您发起",
        "there is no such operation of yours",
    )
}

fn not_cancellable() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_CANCELLABLE",
        "该操作不能中途取消",
        "what it does must not be left half done: it cannot be cancelled",
    )
}
