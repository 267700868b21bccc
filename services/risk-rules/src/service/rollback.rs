//! Undoing what a feed reported in a span of time: proposed and previewed, decided about by a second account, undone page by
//! page as new statements.

mod trial;
mod undoing;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{DecisionId, Fault, FaultCode, Jurisdiction, Violation};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_transport::access::DivisionPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::approval::{Acting, wrong_state};
use super::deciding::Decider;
use super::effect::Effect;
use super::statement::reader::StatementReader;
use crate::domain::approval::{Signature, Step};
use crate::domain::rollback::{Outcome, Preview, Proposal, Refusal, Span, State};
use crate::peers::feeds::Feeds;
use crate::store::rollbacks;
use lutong_chassis::operations::{Kind, Operation, store as operations};

/// Between two looks for rollbacks that were cut off.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// For how long other replicas leave a rollback to the one that took its approval.
const APPROVER_WORKS: Duration = Duration::from_secs(15);
/// What one call to another service may take while the service goes on by itself.
const WITHIN: Duration = Duration::from_secs(5);

/// Proposes, decides about and carries out rollbacks; cheap to clone.
#[derive(Clone)]
pub struct Rollbacks {
    decider: Decider,
    reader: StatementReader,
    feeds: Feeds,
    /// Rung when one is approved.
    asked: Arc<Notify>,
}

impl Rollbacks {
    pub fn new(decider: Decider, reader: StatementReader, feeds: Feeds) -> Self {
        Self {
            decider,
            reader,
            feeds,
            asked: Arc::default(),
        }
    }

    /// Counts what undoing the span would change. Nothing is stored.
    pub async fn preview(&self, call: &Call, acting: &Acting, span: Span) -> Result<Proposal, Fault> {
        self.draft(call, acting, span).await
    }

    /// Stores a proposal once, with what it would change.
    pub async fn propose(&self, call: &Call, acting: Acting, span: Span) -> Result<Proposal, Fault> {
        let proposal = self.draft(call, &acting, span).await?;
        let stored = self.decider.database.write(move |transaction| {
            async move { store(transaction, &acting.request, proposal).await }.boxed()
        });
        stored.await
    }

    /// Approves: an operation undoes the span from now on.
    pub async fn approve(&self, call: &Call, acting: Acting, id: Uuid) -> Result<(Proposal, Effect), Fault> {
        let own = acting.permit.jurisdiction();
        let found = self.visible(own, id).await?;
        // The grant may be wider now than when it was proposed.
        let divisions = self.divisions(call, &found.span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(outside());
        }
        let this = self.clone();
        let approved = self
            .decider
            .database
            .write(move |transaction| async move { this.approve_in(transaction, &acting, id).await }.boxed());
        let (proposal, operation) = approved.await?;
        self.asked.notify_waiters();
        let effect = Effect {
            redecided: 0,
            operation: operation.filter(|one| one.state.is_open()).map(|one| one.id),
        };
        Ok((proposal, effect))
    }

    async fn approve_in(
        &self,
        transaction: &DatabaseTransaction,
        acting: &Acting,
        id: Uuid,
    ) -> Result<(Proposal, Option<Operation>), Fault> {
        let approved = self.signature(&acting.account);
        let mut one = rollbacks::hold(transaction, id).await?.ok_or_else(not_found)?;
        let claim = idempotency::claim(transaction, &acting.request, id.as_bytes(), approved.at).await?;
        if claim != Claim::Fresh {
            let operation = operations::of_target(transaction, Kind::RollBack, &one.name()).await?;
            return Ok((one, operation));
        }
        check(&one, acting, Step::Approve)?;
        rollbacks::approve(transaction, id, &approved).await?;
        (one.state, one.approved) = (State::Approved, Some(approved));
        let operation = Operation {
            total: i64::try_from(one.preview.subjects).ok(),
            ..self
                .decider
                .operation(Kind::RollBack, &acting.account, one.name())
        };
        operations::insert(transaction, &operation).await?;
        Ok((one, Some(operation)))
    }

    /// Rejects or withdraws: nothing is undone.
    pub async fn refuse(&self, acting: Acting, id: Uuid, to: State) -> Result<Proposal, Fault> {
        self.visible(acting.permit.jurisdiction(), id).await?;
        let closed = self.signature(&acting.account);
        let refused = self.decider.database.write(move |transaction| {
            async move { refuse_in(transaction, &acting, id, to, closed).await }.boxed()
        });
        refused.await
    }

    pub async fn find(&self, permit: &DivisionPermit, id: Uuid) -> Result<Proposal, Fault> {
        self.visible(permit.jurisdiction(), id).await
    }

    /// A page of those that the permit reaches, the newest first, and the next page's token.
    pub async fn list(
        &self,
        permit: &DivisionPermit,
        state: Option<State>,
        page: &Page,
    ) -> Result<(Vec<Proposal>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(Uuid::from_slice).transpose();
        let (mut before, mut found) = (before.map_err(damaged)?, Vec::new());
        loop {
            let reader = self.decider.database.reader();
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

    /// Goes on with rollbacks whose approving call was cut off, until `stop`. Any number of replicas may: undoing what is
    /// undone changes nothing.
    pub async fn finish(self, stop: CancellationToken) {
        // Whoever approved one works at it at once; the other replicas leave it to them for a while.
        let mut patience = APPROVER_WORKS;
        loop {
            let asked = self.asked.notified();
            if let Err(fault) = self.finish_all(patience).await {
                tracing::warn!(%fault, "a rollback waits; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => patience = APPROVER_WORKS,
                () = asked => patience = Duration::ZERO,
                () = stop.cancelled() => return,
            }
        }
    }

    async fn finish_all(&self, patience: Duration) -> Result<(), Fault> {
        let before = self.decider.clock.now().minus(patience);
        for proposal in rollbacks::unfinished(self.decider.database.reader(), before).await? {
            tracing::info!(rollback = %proposal.id, source = proposal.span.source, "a rollback goes on");
            self.undo(&Call::background(WITHIN), &proposal).await?;
        }
        Ok(())
    }

    async fn draft(&self, call: &Call, acting: &Acting, span: Span) -> Result<Proposal, Fault> {
        let own = acting.permit.jurisdiction();
        let divisions = self.divisions(call, &span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(outside());
        }
        let proposed = self.signature(&acting.account);
        // What comes after the proposal was not counted, so that it is not undone either.
        let span = Span {
            until: span.until.min(proposed.at.plus_micros(1)),
            ..span
        };
        if span.until <= span.from {
            let (zh, en) = ("晚于当前时间", "lies in the future");
            return Err(Fault::invalid(vec![Violation::new(
                "start_time",
                "BEGINS_LATER",
                zh,
                en,
            )]));
        }
        Ok(Proposal {
            id: DecisionId::new(proposed.at, &*self.decider.random).uuid(),
            preview: self.count(&span).await?,
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

    async fn divisions(&self, call: &Call, source: &str) -> Result<Vec<lutong_kernel::DivisionCode>, Fault> {
        let divisions = self.feeds.divisions(call, source).await?;
        divisions.ok_or_else(|| {
            Fault::new(
                FaultCode::NotFound,
                "FEED_NOT_FOUND",
                "没有登记该数据源",
                "no such feed is registered",
            )
        })
    }

    /// A rollback of a feed inside the jurisdiction; of others nothing is said.
    async fn visible(&self, own: Jurisdiction, id: Uuid) -> Result<Proposal, Fault> {
        let found = rollbacks::find(self.decider.database.reader(), id).await?;
        found
            .filter(|one| own.covers_grant(&one.divisions))
            .ok_or_else(not_found)
    }

    fn signature(&self, account: &str) -> Signature {
        Signature {
            officer: account.to_owned(),
            at: self.decider.clock.now(),
        }
    }
}

async fn store(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    proposal: Proposal,
) -> Result<Proposal, Fault> {
    let (id, at) = (proposal.id, proposal.proposed.at);
    if let Claim::Replay(answer) = idempotency::claim(transaction, request, id.as_bytes(), at).await? {
        let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
        let id = Uuid::from_slice(&answer).map_err(|_| damaged())?;
        return rollbacks::find(transaction, id).await?.ok_or_else(damaged);
    }
    rollbacks::insert(transaction, &proposal).await?;
    Ok(proposal)
}

async fn refuse_in(
    transaction: &DatabaseTransaction,
    acting: &Acting,
    id: Uuid,
    to: State,
    closed: Signature,
) -> Result<Proposal, Fault> {
    let claim = idempotency::claim(transaction, &acting.request, id.as_bytes(), closed.at).await?;
    let mut one = rollbacks::hold(transaction, id).await?.ok_or_else(not_found)?;
    if claim == Claim::Fresh {
        let step = if to == State::Withdrawn {
            Step::Withdraw
        } else {
            Step::Reject
        };
        check(&one, acting, step)?;
        rollbacks::close(transaction, id, to, &closed).await?;
        (one.state, one.closed) = (to, Some(closed));
    }
    Ok(one)
}

/// Of what an action may change.
pub fn etag(one: &Proposal) -> Etag {
    Etag::of(&one.name(), [one.state.as_str()])
}

/// Checks that somebody may take a step of what they have seen.
fn check(one: &Proposal, acting: &Acting, step: Step) -> Result<(), Fault> {
    let state = one.state.as_str().to_uppercase();
    etag(one).check(&acting.etag, &state)?;
    one.check(step, &acting.account).map_err(|error| {
        let (reason, zh) = match error {
            Refusal::OwnProposal => ("OWN_PROPOSAL", "须由另一名人员批准或驳回"),
            Refusal::NotYourProposal => ("NOT_YOUR_PROPOSAL", "只能由提出人撤回"),
            Refusal::WrongState => {
                let allowed = one.allowed(&acting.account);
                let allowed: Vec<_> = allowed.iter().map(|step| step.as_str()).collect();
                return wrong_state(&state, &allowed);
            }
        };
        Fault::new(FaultCode::FailedPrecondition, reason, zh, error.to_string())
    })
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ROLLBACK_NOT_FOUND",
        "本辖区没有该撤销申请",
        "there is no such rollback in your division",
    )
}

fn outside() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "该数据源的报送范围超出本辖区",
        "the feed reports for more than your division",
    )
}
