//! Checking the chains of decisions as an operation: page by page, resumed after a restart.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{DecisionId, Fault, FaultCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_transport::access::AnyPermit;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deciding::Decider;
use crate::store::history_verifications::{self, Broken, Counts, Verification};
use lutong_chassis::operations::{Ended, Kind, Operation, store as operations};

/// Between two looks for a check to work on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Subjects of one page.
const PAGE: u64 = 1_000;

impl Decider {
    /// Begins a check once: the check and its operation.
    pub async fn start_history_verification(
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
        let operation = self.operation(Kind::VerifyHistory, account, one.name());
        let begun = self.database.write(move |transaction| {
            async move {
                let claim = idempotency::claim(transaction, &request, one.id.as_bytes(), now).await?;
                if let Claim::Replay(answer) = claim {
                    let damaged = || StorageError::Damaged("idempotency.answer".to_owned());
                    let id = Uuid::from_slice(&answer).map_err(|_| damaged())?;
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
        self.checks.notify_waiters();
        Ok(begun)
    }

    pub async fn history_verification(&self, id: Uuid) -> Result<Verification, Fault> {
        let found = history_verifications::find(self.database.reader(), id).await?;
        found.ok_or_else(|| {
            Fault::new(
                FaultCode::NotFound,
                "HISTORY_VERIFICATION_NOT_FOUND",
                "没有该次历史核验",
                "there is no such check of history",
            )
        })
    }

    /// A page of checks, the newest first, and the next page's token.
    pub async fn list_history_verifications(
        &self,
        page: &Page,
    ) -> Result<(Vec<Verification>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(Uuid::from_slice).transpose();
        let before = before.map_err(damaged)?;
        let found = history_verifications::list(self.database.reader(), before, page.limit()).await?;
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    /// Checks the next page of one; `false` when another worker was faster or somebody cancelled it.
    async fn check_page(&self, before: Verification) -> Result<bool, Fault> {
        let chains = self.verify_chains(before.subject, before.after, PAGE).await?;
        let breaks = chains.breaks.into_iter();
        let more = Counts {
            subjects: chains.subjects,
            intact: chains.intact,
            erased: chains.erased,
            broken: i64::try_from(breaks.len()).unwrap_or(i64::MAX),
            breaks: breaks
                .map(|(subject, version, what)| Broken {
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
                    let stands = (&counts, next);
                    if !history_verifications::advance(transaction, &before, stands, finished_at).await? {
                        return Ok(false);
                    }
                    let target = (Kind::VerifyHistory, target.as_str());
                    operations::add_done_of(transaction, target, checked).await?;
                    if let Some(at) = finished_at {
                        operations::finish_of(transaction, target, Ended::Succeeded, at).await?;
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
}

/// Works on checks of history, until `stop`. Any number of replicas may: a page is counted once.
pub async fn check_histories(decider: Decider, stop: CancellationToken) {
    loop {
        let asked = decider.checks.notified();
        let looked = async {
            let next = history_verifications::unfinished(decider.database.reader()).await?;
            match next {
                Some(next) => decider.check_page(next).await,
                None => Ok(false),
            }
        };
        match looked.await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "a check of history waits; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = asked => {}
            () = stop.cancelled() => return,
        }
    }
}
