//! Rollbacks are proposed by one operator and approved by another; what is approved is done to its end, also after a restart.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, ConversionRollbackId, Fault, Random};
use lutong_operating::pause::pause;
use lutong_storage::Database;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::reply;
use tokio_util::sync::CancellationToken;

use super::domain::{Action, ConversionRollback, Refused, RollbackState, Span};
use super::store;
use crate::conversions::service::Conversions;
use crate::fault;
use crate::partners::domain::Signature;
use crate::trust_lists::service::current::CurrentTrust;

/// Conversions of one transaction.
const STEP: u64 = 500;
/// How soon what a process left open is taken up.
const RESUME_EVERY: Duration = Duration::from_secs(5);

/// All rollbacks; cheap to clone.
#[derive(Clone)]
pub struct ConversionRollbacks {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    current: CurrentTrust,
    conversions: Conversions,
}

/// An operator who does something with a rollback.
#[derive(Debug, Clone)]
pub struct Step {
    pub request: RequestKey,
    pub account: String,
    pub id: ConversionRollbackId,
    /// Of the state that the operator has seen; may be empty.
    pub etag: String,
    pub action: Action,
}

pub fn etag(one: &ConversionRollback) -> Etag {
    Etag::of(&one.id.to_string(), [one.state.into_str()])
}

impl ConversionRollbacks {
    pub fn new(
        (store, foundation): (&Store, &Foundation),
        current: CurrentTrust,
        conversions: Conversions,
    ) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            current,
            conversions,
        }
    }

    /// A rollback that nobody has proposed yet, with what it would concern.
    pub async fn count(
        &self,
        account: &str,
        span: Span,
        reason: String,
    ) -> Result<ConversionRollback, Fault> {
        let now = self.clock.now();
        if !span.is_past(now) {
            return Err(reply::wrong(fault::rollback_span()));
        }
        let known = self
            .current
            .partner_in(self.database.reader(), span.partner)
            .await?;
        known.ok_or_else(fault::partner_not_found)?;
        let conversions = store::count(self.database.reader(), &span).await?;
        Ok(ConversionRollback {
            id: ConversionRollbackId::new(now, &*self.random),
            span,
            reason,
            state: RollbackState::Proposed,
            proposed: Signature {
                account: account.to_owned(),
                at: now,
            },
            decided: None,
            conversions,
        })
    }

    /// Proposes a rollback.
    pub async fn propose(
        &self,
        request: RequestKey,
        account: &str,
        span: Span,
        reason: String,
    ) -> Result<ConversionRollback, Fault> {
        let counted = self.count(account, span, reason).await?;
        let now = counted.proposed.at;
        let id = self
            .database
            .write(move |transaction| {
                let (request, counted) = (request.clone(), counted.clone());
                async move {
                    let id = counted.id.uuid();
                    match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                        Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                        Claim::Fresh => {
                            store::insert(transaction, &counted).await?;
                            Ok(id)
                        }
                    }
                }
                .boxed()
            })
            .await?;
        self.find(ConversionRollbackId::from_uuid(id)).await
    }

    /// Approves or rejects a rollback; an approved one is done before this returns, unless it is interrupted.
    pub async fn act(&self, step: Step) -> Result<ConversionRollback, Fault> {
        let (id, now) = (step.id, self.clock.now());
        self.database
            .write(move |transaction| {
                let step = step.clone();
                async move {
                    let found = store::lock(transaction, step.id).await?;
                    let found = found.ok_or_else(fault::conversion_rollback_not_found)?;
                    let id = step.id.uuid();
                    let claim = idempotency::claim(transaction, &step.request, id.as_bytes(), now).await?;
                    if claim != Claim::Fresh {
                        return Ok::<_, Fault>(());
                    }
                    etag(&found).check(&step.etag, found.state.into_str())?;
                    let by = Signature {
                        account: step.account,
                        at: now,
                    };
                    let decided = found.act(step.action, by).map_err(refused)?;
                    store::update(transaction, &decided).await?;
                    Ok(())
                }
                .boxed()
            })
            .await?;
        // It is approved, whatever happens from here on: what is left open is taken up again.
        if let Err(error) = self.finish(id).await {
            tracing::warn!(rollback = %id, %error, "a rollback was left open; it is taken up again");
        }
        self.find(id).await
    }

    /// Does what is left of an approved rollback.
    async fn finish(&self, id: ConversionRollbackId) -> Result<(), Fault> {
        self.conversions.prepare().await?;
        while self.step(id).await? {
            self.conversions.wake();
        }
        Ok(())
    }

    /// Rolls some conversions back; `false` once there is nothing to do.
    async fn step(&self, id: ConversionRollbackId) -> Result<bool, Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                let this = this.clone();
                async move {
                    let found = store::lock(transaction, id).await?;
                    let approved = found.filter(|one| one.state == RollbackState::Approved);
                    let Some(mut rollback) = approved else {
                        return Ok(false);
                    };
                    let some = store::some(transaction, &rollback.span, STEP).await?;
                    if some.is_empty() {
                        rollback.state = RollbackState::Done;
                    }
                    rollback.conversions += some.len() as u64;
                    let changed = some.into_iter().map(|one| one.rolled_back(now)).collect();
                    this.conversions.change(transaction, changed, None).await?;
                    store::update(transaction, &rollback).await?;
                    Ok::<_, Fault>(true)
                }
                .boxed()
            })
            .await
    }

    /// Takes up what a process left open.
    pub async fn resume(self, stop: CancellationToken) {
        while !pause(RESUME_EVERY, &stop).await {
            if let Err(error) = self.resume_once().await {
                tracing::warn!(%error, "rollbacks could not be taken up; the next round tries again");
            }
        }
    }

    async fn resume_once(&self) -> Result<(), Fault> {
        let reader = self.database.reader();
        for open in store::list(reader, Some(RollbackState::Approved), None, STEP).await? {
            self.finish(open.id).await?;
        }
        Ok(())
    }

    pub async fn find(&self, id: ConversionRollbackId) -> Result<ConversionRollback, Fault> {
        let found = store::find(self.database.reader(), id).await?;
        found.ok_or_else(fault::conversion_rollback_not_found)
    }

    /// Rollbacks, the newest first, and the token of the next page.
    pub async fn list(
        &self,
        state: Option<RollbackState>,
        page: &Page,
    ) -> Result<(Vec<ConversionRollback>, String), Fault> {
        let found = store::list(self.database.reader(), state, page.after_id()?, page.limit()).await?;
        page.cut(found, |last| last.id.uuid().as_bytes().to_vec())
    }
}

fn refused(reason: Refused) -> Fault {
    match reason {
        Refused::OwnProposal => fault::own_proposal(),
        Refused::WrongState(state) => {
            reply::wrong_state(state.into_str(), &[RollbackState::Proposed.into_str()])
        }
    }
}
