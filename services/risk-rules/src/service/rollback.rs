//! Undoing what a feed reported in a span of time: proposed and previewed, decided about by a second account, undone page by
//! page as new statements.

mod trial;
mod undoing;

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::access::{AnyPermit, Principal};
use lutong_chassis::client::Call;
use lutong_chassis::idempotency::{self, Claim, RequestKey};
use lutong_chassis::storage::StorageError;
use lutong_kernel::{DecisionId, Fault, FaultCode, Jurisdiction, RequestId, Violation};
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deciding::Decider;
use crate::domain::approval::Signature;
use crate::domain::rollback::{Outcome, Preview, Proposal, Refusal, Span, State};
use crate::grpc::feeds::Feeds;
use crate::grpc::statement::StatementReader;
use crate::store::rollbacks;

/// Between two looks for rollbacks that were cut off.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The approving call works at a rollback for no longer than this; after it the service goes on by itself.
const APPROVER_WORKS: Duration = Duration::from_secs(15);
/// What one call to another service may take while the service goes on by itself.
const WITHIN: Duration = Duration::from_secs(5);

/// Whose request, and how it is told from others.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub officer: &'a Principal,
    pub request_id: RequestId,
    pub body: &'a [u8],
}

/// Proposes, decides about and carries out rollbacks; cheap to clone.
#[derive(Clone)]
pub struct Rollbacks {
    decider: Decider,
    reader: StatementReader,
    feeds: Feeds,
}

impl Rollbacks {
    pub const fn new(decider: Decider, reader: StatementReader, feeds: Feeds) -> Self {
        Self {
            decider,
            reader,
            feeds,
        }
    }

    /// Counts what undoing the span would change. Nothing is stored.
    pub async fn preview(
        &self,
        _permit: AnyPermit,
        call: &Call,
        officer: &Principal,
        span: Span,
    ) -> Result<Proposal, Fault> {
        self.draft(call, officer, span).await
    }

    /// Stores a proposal once, with what it would change.
    pub async fn propose(
        &self,
        _permit: AnyPermit,
        call: &Call,
        asked: Asked<'_>,
        span: Span,
    ) -> Result<Proposal, Fault> {
        let request = self.request("ProposeRollback", asked);
        let proposal = self.draft(call, asked.officer, span).await?;
        let stored = self
            .decider
            .database
            .write(move |transaction| async move { store(transaction, &request, proposal).await }.boxed());
        stored.await
    }

    /// Approves, and undoes. `true`: whatever this call decided is in force.
    pub async fn approve(
        &self,
        _permit: AnyPermit,
        call: &Call,
        asked: Asked<'_>,
        id: Uuid,
    ) -> Result<(Proposal, bool), Fault> {
        let own = asked.officer.jurisdiction()?;
        let found = self.visible(own, id).await?;
        // The grant may be wider now than when it was proposed.
        let divisions = self.divisions(call, &found.span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(outside());
        }
        let request = self.request("ApproveRollback", asked);
        let approved = self.signature(asked.officer);
        let proposal: Result<Proposal, Fault> = self
            .decider
            .database
            .write(move |transaction| {
                async move { approve_in(transaction, &request, id, approved).await }.boxed()
            })
            .await;
        let proposal = proposal?;
        if proposal.state == State::Done {
            return Ok((proposal, true));
        }
        let in_force = self.undo(call, &proposal).await?;
        Ok((self.visible(own, id).await?, in_force))
    }

    /// Rejects or withdraws: nothing is undone.
    pub async fn refuse(
        &self,
        _permit: AnyPermit,
        asked: Asked<'_>,
        id: Uuid,
        to: State,
    ) -> Result<Proposal, Fault> {
        self.visible(asked.officer.jurisdiction()?, id).await?;
        let method = if to == State::Withdrawn {
            "WithdrawRollback"
        } else {
            "RejectRollback"
        };
        let request = self.request(method, asked);
        let closed = self.signature(asked.officer);
        let refused = self.decider.database.write(move |transaction| {
            async move { refuse_in(transaction, &request, id, to, closed).await }.boxed()
        });
        refused.await
    }

    pub async fn find(&self, officer: &Principal, id: Uuid) -> Result<Proposal, Fault> {
        self.visible(officer.jurisdiction()?, id).await
    }

    /// A page, the newest first: those that the officer may see, and from where to read on.
    pub async fn list(
        &self,
        officer: &Principal,
        state: Option<State>,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<(Vec<Proposal>, Option<Uuid>), Fault> {
        let own = officer.jurisdiction()?;
        let mut page = rollbacks::list(self.decider.database.reader(), state, before, limit).await?;
        let full = page.len() as u64 == limit;
        let next = page.last().filter(|_| full).map(|last| last.id);
        page.retain(|one| own.covers_grant(&one.divisions));
        Ok((page, next))
    }

    /// Goes on with rollbacks whose approving call was cut off, until `stop`. Any number of replicas may: undoing what is
    /// undone changes nothing.
    pub async fn finish(self, stop: CancellationToken) {
        loop {
            if let Err(fault) = self.finish_all().await {
                tracing::warn!(%fault, "a rollback waits; it is tried again");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn finish_all(&self) -> Result<(), Fault> {
        let before = self.decider.clock.now().minus(APPROVER_WORKS);
        for proposal in rollbacks::unfinished(self.decider.database.reader(), before).await? {
            tracing::info!(rollback = %proposal.id, source = proposal.span.source, "a rollback goes on");
            self.undo(&Call::background(WITHIN), &proposal).await?;
        }
        Ok(())
    }

    async fn draft(&self, call: &Call, officer: &Principal, span: Span) -> Result<Proposal, Fault> {
        let own = officer.jurisdiction()?;
        let divisions = self.divisions(call, &span.source).await?;
        if !own.covers_grant(&divisions) {
            return Err(outside());
        }
        let proposed = self.signature(officer);
        // What comes after the proposal was not counted, so that it is not undone either.
        let span = Span {
            until: span.until.min(proposed.at.plus_micros(1)),
            ..span
        };
        if span.until <= span.from {
            let (zh, en) = ("晚于当前时间", "lies in the future");
            return Err(Fault::invalid(vec![Violation::new(
                "from_time",
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

    fn request(&self, method: &str, asked: Asked<'_>) -> RequestKey {
        let (account, body) = (&asked.officer.account, asked.body);
        self.decider
            .idempotency
            .key(account, method, asked.request_id, body)
    }

    fn signature(&self, officer: &Principal) -> Signature {
        Signature {
            officer: officer.account.clone(),
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

async fn approve_in(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    id: Uuid,
    approved: Signature,
) -> Result<Proposal, Fault> {
    idempotency::claim(transaction, request, id.as_bytes(), approved.at).await?;
    let mut one = rollbacks::hold(transaction, id).await?.ok_or_else(not_found)?;
    if one.check_approval(&approved.officer).map_err(refused)? {
        rollbacks::approve(transaction, id, &approved).await?;
        (one.state, one.approved) = (State::Approved, Some(approved));
    }
    Ok(one)
}

async fn refuse_in(
    transaction: &DatabaseTransaction,
    request: &RequestKey,
    id: Uuid,
    to: State,
    closed: Signature,
) -> Result<Proposal, Fault> {
    let claim = idempotency::claim(transaction, request, id.as_bytes(), closed.at).await?;
    let mut one = rollbacks::hold(transaction, id).await?.ok_or_else(not_found)?;
    if claim == Claim::Fresh {
        one.check_refusal(&closed.officer, to).map_err(refused)?;
        rollbacks::close(transaction, id, to, &closed).await?;
        (one.state, one.closed) = (to, Some(closed));
    }
    Ok(one)
}

fn refused(error: Refusal) -> Fault {
    let (reason, zh) = match error {
        Refusal::OwnProposal => ("OWN_PROPOSAL", "须由另一名人员批准或驳回"),
        Refusal::NotYours => ("NOT_YOUR_PROPOSAL", "只能由提出人撤回"),
        Refusal::Closed => ("ROLLBACK_CLOSED", "该撤销申请已办结"),
    };
    Fault::new(FaultCode::FailedPrecondition, reason, zh, error.to_string())
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
