//! The operations of one service: get, list, watch, cancel, and deletion a month after their end.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use lutong_kernel::{Clock, Fault, FaultCode};
use lutong_operating::pause::pause;
use lutong_proto::policy::Role;
use sea_orm::DatabaseTransaction;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::{self, Filter};
use super::{KEPT_DAYS, Operation, Outcome};
use crate::skin::Page;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::{CasePermit, Grant};
use lutong_transport::reply;

const COLLECTION: &str = "operations";
/// Interval of polling a watched operation.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// Interval of answers to a watcher when nothing changes. The contract promises at least one every 15 s; the margin
/// allows for a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Interval of deleting old operations.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Operations deleted per transaction.
const SWEEP_BATCH: u64 = 500;

/// Whose operations a caller may see.
#[derive(Debug, Clone)]
pub enum Visibility {
    /// Those that this account started.
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

impl Visibility {
    /// Operators and auditors see all operations, others their own.
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

    fn allows(&self, operation: &Operation) -> bool {
        self.account().is_none_or(|account| operation.account == account)
    }
}

/// The id in the name of an operation.
pub fn parse_name(name: &str) -> Result<Uuid, Fault> {
    parse_reference("name", name)
}

/// The id in a field that refers to an operation.
pub fn parse_reference(field: &str, name: &str) -> Result<Uuid, Fault> {
    reply::uuid_in(field, name, COLLECTION)
}

impl Operations {
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }

    /// An operation; one that the caller may not see is answered as not found.
    pub async fn get(&self, visibility: &Visibility, id: Uuid) -> Result<Operation, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.filter(|one| visibility.allows(one)).ok_or_else(not_found)
    }

    /// A page, newest first, and the next page's token.
    pub async fn list(
        &self,
        visibility: &Visibility,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<Operation>, String), Fault> {
        let before = page.after_id()?;
        let filter = Filter {
            account: visibility.account().map(str::to_owned),
            ..filter
        };
        let found = store::list(self.database.reader(), &filter, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Streams the operation at each change and heartbeat, until it ends.
    pub async fn watch(
        &self,
        visibility: Visibility,
        id: Uuid,
    ) -> Result<BoxStream<'static, Result<Operation, Fault>>, Fault> {
        let first = self.get(&visibility, id).await?;
        let watch = Watch {
            operations: self.clone(),
            visibility,
            last_sent: first.clone(),
        };
        let rest = stream::unfold(Some(watch), |watch| async move { watch?.next().await });
        Ok(stream::once(async move { Ok(first) }).chain(rest).boxed())
    }

    /// Cancels an operation, in the transaction in which `also` ends its work; workers check for that before they
    /// continue.
    pub async fn cancel<F>(
        &self,
        visibility: Visibility,
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
                let found = found.filter(|one| visibility.allows(one)).ok_or_else(not_found)?;
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
                if !store::finish(transaction, id, Outcome::Cancelled, now).await? {
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

    /// Deletes operations a month after their end, until `stop`; `also` deletes what the service stores about them.
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
                tracing::warn!(%error, "ended operations could not be deleted; the next round retries");
            }
            if pause(SWEEP_EVERY, &stop).await {
                return;
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
            let old = store::ended_before(self.database.reader(), before, SWEEP_BATCH).await?;
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
            tracing::info!(forgotten, "operations that ended a month ago were deleted");
        }
        Ok(())
    }
}

/// The state of a stream that watches an operation.
struct Watch {
    operations: Operations,
    visibility: Visibility,
    last_sent: Operation,
}

type NextUpdate = (Result<Operation, Fault>, Option<Watch>);

impl Watch {
    /// Waits for a change or the heartbeat; `None` once the end was sent.
    async fn next(mut self) -> Option<NextUpdate> {
        if !self.last_sent.state.is_open() {
            return None;
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::time::sleep(POLL_EVERY).await;
            let found = match self.operations.get(&self.visibility, self.last_sent.id).await {
                Ok(found) => found,
                Err(fault) => return Some((Err(fault), None)),
            };
            if found != self.last_sent || Instant::now() >= heartbeat {
                self.last_sent = found.clone();
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
