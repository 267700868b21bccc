//! Rollbacks: proposed with a preview, approved by a second account, and carried out as new statements.

pub mod preview;
pub mod running;
pub mod undoing;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::operations::{Kind, Operation, store as operations};
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, DecisionId, DivisionCode, Fault, Jurisdiction, Random};
use lutong_storage::Database;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use uuid::Uuid;

use super::domain::{FeedSpan, Outcome, Refusal, Rollback, State};
use super::store as rollbacks;
use crate::approval::domain::{Signature, Step};
use crate::approval::service::{OfficerAction, wrong_state};
use crate::fault::proposals;
use crate::operations::service::effect::Effect;
use crate::peers::feeds::Feeds;
use preview::RollbackPreview;

/// Changes and reads rollbacks. Cheap to clone.
#[derive(Clone)]
pub struct Rollbacks {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    feeds: Feeds,
    preview: RollbackPreview,
    /// Wakes the worker when a rollback is approved.
    approved: Arc<Notify>,
}

impl Rollbacks {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        feeds: Feeds,
        preview: RollbackPreview,
        approved: Arc<Notify>,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            feeds,
            preview,
            approved,
        }
    }

    /// Computes what a rollback would change. Nothing is stored.
    pub async fn preview(
        &self,
        call: &Call,
        action: &OfficerAction,
        span: FeedSpan,
    ) -> Result<Rollback, Fault> {
        self.draft(call, action, span).await
    }

    /// Stores a proposal with its preview. Repeating the request has no effect.
    pub async fn propose(
        &self,
        call: &Call,
        action: OfficerAction,
        span: FeedSpan,
    ) -> Result<Rollback, Fault> {
        let proposal = self.draft(call, &action, span).await?;
        let stored = self
            .database
            .write(move |transaction| async move { propose(transaction, &action, proposal).await }.boxed());
        stored.await
    }

    /// Approves a rollback and begins the operation that carries it out.
    pub async fn approve(
        &self,
        call: &Call,
        action: OfficerAction,
        id: Uuid,
    ) -> Result<(Rollback, Effect), Fault> {
        let own = action.permit.jurisdiction();
        let found = self.visible(own, id).await?;
        // The grant of the feed may have been extended since the proposal.
        let divisions = self.divisions(call, &found.span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(proposals::feed_outside_division());
        }
        let this = self.clone();
        let approved = self
            .database
            .write(move |transaction| async move { this.approve_in(transaction, &action, id).await }.boxed());
        let (rollback, operation) = approved.await?;
        self.approved.notify_waiters();
        let effect = Effect {
            redecided: 0,
            operation: operation.filter(|one| one.state.is_open()).map(|one| one.id),
        };
        Ok((rollback, effect))
    }

    async fn approve_in(
        &self,
        transaction: &DatabaseTransaction,
        action: &OfficerAction,
        id: Uuid,
    ) -> Result<(Rollback, Option<Operation>), Fault> {
        let approved = self.signature(&action.account);
        let mut one = rollbacks::lock(transaction, id)
            .await?
            .ok_or_else(proposals::rollback_not_found)?;
        let claim = idempotency::claim(transaction, &action.request, id.as_bytes(), approved.at).await?;
        if claim != Claim::Fresh {
            let operation = operations::of_target(transaction, Kind::RollBack, &one.name()).await?;
            return Ok((one, operation));
        }
        check(&one, action, Step::Approve)?;
        rollbacks::approve(transaction, id, &approved).await?;
        (one.state, one.approved) = (State::Approved, Some(approved));
        let begun = (self.clock.now(), &*self.random);
        let operation = Operation {
            total: i64::try_from(one.preview.subjects).ok(),
            ..Operation::begin(Kind::RollBack, &action.account, one.name(), begun)
        };
        operations::insert(transaction, &operation).await?;
        Ok((one, Some(operation)))
    }

    /// Rejects or withdraws a proposal.
    pub async fn refuse(&self, action: OfficerAction, id: Uuid, to: State) -> Result<Rollback, Fault> {
        self.visible(action.permit.jurisdiction(), id).await?;
        let closed = self.signature(&action.account);
        let refused = self.database.write(move |transaction| {
            async move { refuse_in(transaction, &action, id, to, closed).await }.boxed()
        });
        refused.await
    }

    pub async fn find(&self, permit: &DivisionPermit, id: Uuid) -> Result<Rollback, Fault> {
        self.visible(permit.jurisdiction(), id).await
    }

    /// A page of the rollbacks of the jurisdiction, the newest first, and the next page token.
    pub async fn list(
        &self,
        permit: &DivisionPermit,
        state: Option<State>,
        page: &Page,
    ) -> Result<(Vec<Rollback>, String), Fault> {
        let (mut before, mut found) = (page.after_id()?, Vec::new());
        loop {
            let reader = self.database.reader();
            let rows = rollbacks::list(reader, state, before, page.limit()).await?;
            let was_last = (rows.len() as u64) < page.limit();
            before = rows.last().map(|one| one.id);
            let own = permit.jurisdiction();
            found.extend(rows.into_iter().filter(|one| own.covers_grant(&one.divisions)));
            if was_last || found.len() > page.size {
                break;
            }
        }
        page.cut(found, |last| last.id.as_bytes().to_vec())
    }

    async fn draft(&self, call: &Call, action: &OfficerAction, span: FeedSpan) -> Result<Rollback, Fault> {
        let own = action.permit.jurisdiction();
        let divisions = self.divisions(call, &span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(proposals::feed_outside_division());
        }
        let proposed = self.signature(&action.account);
        // Statements after the proposal are not part of the preview and are therefore not undone.
        let span = FeedSpan {
            until: span.until.min(proposed.at.plus_micros(1)),
            ..span
        };
        if span.until <= span.from {
            return Err(Fault::invalid(vec![proposals::begins_later()]));
        }
        Ok(Rollback {
            id: DecisionId::new(proposed.at, &*self.random).uuid(),
            preview: self.preview.compute(&span).await?,
            span,
            divisions,
            state: State::Proposed,
            proposed,
            approved: None,
            closed: None,
            after: None,
            outcome: Outcome::default(),
        })
    }

    async fn divisions(&self, call: &Call, source: &str) -> Result<Vec<DivisionCode>, Fault> {
        let divisions = self.feeds.divisions(call, source).await?;
        divisions.ok_or_else(proposals::feed_not_found)
    }

    /// A rollback whose feed lies in the jurisdiction. Others are reported as not found.
    async fn visible(&self, own: Jurisdiction, id: Uuid) -> Result<Rollback, Fault> {
        let found = rollbacks::find(self.database.reader(), id).await?;
        found
            .filter(|one| own.covers_grant(&one.divisions))
            .ok_or_else(proposals::rollback_not_found)
    }

    fn signature(&self, account: &str) -> Signature {
        Signature {
            officer: account.to_owned(),
            at: self.clock.now(),
        }
    }
}

async fn propose(
    transaction: &DatabaseTransaction,
    action: &OfficerAction,
    proposal: Rollback,
) -> Result<Rollback, Fault> {
    let (id, at) = (proposal.id, proposal.proposed.at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, &action.request, id.as_bytes(), at).await?
    {
        let found = rollbacks::find(transaction, idempotency::answered_id(&answer)?).await?;
        return found.ok_or_else(|| idempotency::damaged_answer().into());
    }
    rollbacks::insert(transaction, &proposal).await?;
    Ok(proposal)
}

async fn refuse_in(
    transaction: &DatabaseTransaction,
    action: &OfficerAction,
    id: Uuid,
    to: State,
    closed: Signature,
) -> Result<Rollback, Fault> {
    let claim = idempotency::claim(transaction, &action.request, id.as_bytes(), closed.at).await?;
    let mut one = rollbacks::lock(transaction, id)
        .await?
        .ok_or_else(proposals::rollback_not_found)?;
    if claim == Claim::Fresh {
        let step = if to == State::Withdrawn {
            Step::Withdraw
        } else {
            Step::Reject
        };
        check(&one, action, step)?;
        rollbacks::close(transaction, id, to, &closed).await?;
        (one.state, one.closed) = (to, Some(closed));
    }
    Ok(one)
}

/// The tag of everything that an action may change.
pub fn etag(one: &Rollback) -> Etag {
    Etag::of(&one.name(), [one.state.into_str()])
}

/// Checks that an account may take a step of the state that it has seen.
fn check(one: &Rollback, action: &OfficerAction, step: Step) -> Result<(), Fault> {
    let state = one.state.into_str().to_uppercase();
    etag(one).check(&action.etag, &state)?;
    one.check(step, &action.account).map_err(|error| match error {
        Refusal::OwnProposal => proposals::proposed_by_caller(),
        Refusal::NotYourProposal => proposals::proposed_by_another(),
        Refusal::WrongState => {
            let allowed = one.allowed(&action.account);
            let allowed: Vec<_> = allowed.iter().map(Step::into_str).collect();
            wrong_state(&state, &allowed)
        }
    })
}
