//! History verifications as operations: processed page by page and resumed after a restart.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Operation, Outcome, store as operations};
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, DecisionId, Fault, Random, SubjectId};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::AnyPermit;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::store::{self as history_verifications, Counts, HistoryBreak, Verification};
use crate::fault::decisions;
use crate::history::service::chains::ChainVerifier;

/// Interval between two checks for a verification to process.
const INTERVAL: Duration = Duration::from_secs(1);
/// Number of subjects in one page.
const PAGE: u64 = 1_000;

/// Starts, reads and processes verifications. Cheap to clone.
#[derive(Clone)]
pub struct HistoryVerifications {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    chains: ChainVerifier,
    /// Wakes the worker when a verification is requested.
    requested: Arc<Notify>,
}

impl HistoryVerifications {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        chains: ChainVerifier,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            chains,
            requested: Arc::default(),
        }
    }

    /// Starts a verification and its operation. Repeating the request has no effect.
    pub async fn start(
        &self,
        _permit: AnyPermit,
        account: &str,
        request: RequestKey,
        subject: Option<SubjectId>,
    ) -> Result<(Verification, Operation), Fault> {
        let now = self.clock.now();
        let one = Verification {
            id: DecisionId::new(now, &*self.random).uuid(),
            subject,
            created_at: now,
            finished_at: None,
            is_cancelled: false,
            after: None,
            counts: Counts::default(),
        };
        let begun = (now, &*self.random);
        let operation = Operation::begin(Kind::VerifyHistory, account, one.name(), begun);
        let begun = self.database.write(move |transaction| {
            async move {
                let claim = idempotency::claim(transaction, &request, one.id.as_bytes(), now).await?;
                if let Claim::Replay(answer) = claim {
                    let damaged = idempotency::damaged_answer;
                    let id = idempotency::answered_id(&answer)?;
                    let one = history_verifications::find(transaction, id)
                        .await?
                        .ok_or_else(damaged)?;
                    let begun = operations::of_target(transaction, Kind::VerifyHistory, &one.name()).await?;
                    return Ok((one, begun.ok_or_else(damaged)?));
                }
                history_verifications::insert(transaction, &one).await?;
                operations::insert(transaction, &operation).await?;
                Ok::<_, Fault>((one, operation))
            }
            .boxed()
        });
        let begun = begun.await?;
        self.requested.notify_waiters();
        Ok(begun)
    }

    pub async fn find(&self, id: Uuid) -> Result<Verification, Fault> {
        let found = history_verifications::find(self.database.reader(), id).await?;
        found.ok_or_else(decisions::history_verification_not_found)
    }

    /// A page of verifications, the newest first, and the next page token.
    pub async fn list(&self, page: &Page) -> Result<(Vec<Verification>, String), Fault> {
        let before = page.after_id()?;
        let found = history_verifications::list(self.database.reader(), before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Verifies the next page; `false` if another worker was faster or the verification was cancelled.
    async fn verify_page(&self, before: Verification) -> Result<bool, Fault> {
        let chains = self.chains.verify(before.subject, before.after, PAGE).await?;
        let breaks = chains.breaks.into_iter();
        let more = Counts {
            subjects: chains.subjects,
            intact: chains.intact,
            erased: chains.erased,
            broken: i64::try_from(breaks.len()).unwrap_or(i64::MAX),
            breaks: breaks
                .map(|(subject, version, what)| HistoryBreak {
                    subject,
                    version,
                    what,
                })
                .collect(),
        };
        let checked = more.subjects;
        let mut counts = before.counts.clone();
        counts.add(more);
        let (next, now, target) = (chains.next, self.clock.now(), before.name());
        let finished_at = next.is_none().then_some(now);
        let broken = counts.broken;
        let stored: Result<bool, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let progress = (&counts, next);
                    if !history_verifications::advance(transaction, &before, progress, finished_at).await? {
                        return Ok(false);
                    }
                    let target = (Kind::VerifyHistory, target.as_str());
                    operations::add_done_of(transaction, target, checked).await?;
                    if let Some(at) = finished_at {
                        operations::finish_of(transaction, target, Outcome::Succeeded, at).await?;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .await;
        let stored = stored?;
        if stored && finished_at.is_some() {
            if broken == 0 {
                tracing::info!("a check of history found every chain intact");
            } else {
                tracing::error!(broken, "a check of history found broken chains");
            }
        }
        Ok(stored)
    }

    /// Processes verifications until `stop`. Several replicas may run it: every page is counted once.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let requested = self.requested.notified();
            match self.verify_next().await {
                Ok(true) if !stop.is_cancelled() => continue,
                Ok(_) => {}
                Err(fault) => tracing::warn!(%fault, "a check of history waits; it is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = requested => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn verify_next(&self) -> Result<bool, Fault> {
        match history_verifications::unfinished(self.database.reader()).await? {
            Some(next) => self.verify_page(next).await,
            None => Ok(false),
        }
    }
}
