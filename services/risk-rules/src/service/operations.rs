//! Operations: read, ended, watched, forgotten a month after their end.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::idempotency::{self, Claim, RequestKey};
use lutong_chassis::skin::Page;
use lutong_chassis::storage::StorageError;
use lutong_kernel::{Fault, FaultCode};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::approval::wrong_state;
use super::deciding::Decider;
use crate::domain::operation::{KEPT_DAYS, Kind, Operation, State};
use crate::store::operations::{self, Filter};
use crate::store::{history_verifications, recomparisons, rule_changes};

/// Between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Whose operations somebody sees.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Those that this account began.
    Own(String),
    /// All.
    All,
}

impl Sight {
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

impl Decider {
    /// An operation; somebody else's is answered as if there were none.
    pub async fn operation_of(&self, sight: &Sight, id: Uuid) -> Result<Operation, Fault> {
        let found = operations::find(self.database.reader(), id).await?;
        found.filter(|one| sight.has(one)).ok_or_else(not_found)
    }

    /// A page, the newest first, and the next page's token.
    pub async fn list_operations(
        &self,
        sight: &Sight,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<Operation>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(Uuid::from_slice).transpose();
        let before = before.map_err(damaged)?;
        let filter = Filter {
            account: sight.account().map(str::to_owned),
            ..filter
        };
        let found = operations::list(self.database.reader(), &filter, before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Ends one that may be ended. Its worker sees so before it goes on.
    pub async fn cancel_operation(
        &self,
        sight: Sight,
        request: RequestKey,
        id: Uuid,
    ) -> Result<Operation, Fault> {
        let now = self.clock.now();
        let cancelled = self.database.write(move |transaction| {
            async move {
                let found = operations::find(transaction, id).await?;
                let found = found.filter(|one| sight.has(one)).ok_or_else(not_found)?;
                let claim = idempotency::claim(transaction, &request, id.as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok(found);
                }
                if !found.kind.can_be_cancelled() {
                    return Err(not_cancellable());
                }
                if !operations::finish(transaction, id, State::Cancelled, now).await? {
                    return Err(wrong_state(found.state.as_str(), &[]));
                }
                if found.kind == Kind::PreviewRuleSet {
                    rule_changes::forget_preview(transaction, &found.target).await?;
                }
                let target = found.target.rsplit('/').next().and_then(|id| id.parse().ok());
                match (found.kind, target) {
                    (Kind::Recompare, Some(run)) => recomparisons::cancel(transaction, run, now).await?,
                    (Kind::VerifyHistory, Some(check)) => {
                        history_verifications::cancel(transaction, check, now).await?;
                    }
                    _ => {}
                }
                operations::find(transaction, id).await?.ok_or_else(not_found)
            }
            .boxed()
        });
        cancelled.await
    }

    async fn sweep_operations(&self) -> Result<(), StorageError> {
        let before = self
            .clock
            .now()
            .minus(Duration::from_secs(KEPT_DAYS.unsigned_abs() * 86_400));
        let gone: Result<u64, StorageError> = self
            .database
            .write(move |transaction| async move { operations::sweep(transaction, before).await }.boxed())
            .await;
        let gone = gone?;
        if gone > 0 {
            tracing::info!(gone, "operations that ended a month ago are forgotten");
        }
        Ok(())
    }
}

/// Forgets operations a month after their end, until `stop`.
pub async fn sweep(decider: Decider, stop: CancellationToken) {
    loop {
        if let Err(error) = decider.sweep_operations().await {
            tracing::warn!(%error, "ended operations could not be forgotten; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_EVERY) => {}
            () = stop.cancelled() => return,
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
