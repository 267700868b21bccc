//! The RPCs of rollbacks.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{Colour, Fault, Source, Violation};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_skin::risk_rules::v1::RollbackHandler;
use lutong_transport::access::{DivisionPermit, Principal};
use lutong_transport::reply;
use lutong_transport::reply::uuid_of;
use strum::VariantArray as _;

use super::domain::{FeedSpan, Outcome, Preview, Rollback, State};
use super::service::{Rollbacks, etag};
use crate::approval::domain::Signature;
use crate::approval::rpc::{action, action_of};
use crate::fault;
use crate::operations::rpc::effect;
use crate::wire::{count, instant, timestamp};

const COLLECTION: &str = "rollbacks";

pub struct Handler(pub Rollbacks);

impl RollbackHandler for Handler {
    async fn propose_rollback(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ProposeRollbackRequest,
    ) -> Result<wire::ProposeRollbackResponse, Fault> {
        let (span, grant) = (span(&message)?, call.grant.clone());
        let (onward, action) = (grant.own_call(), action_of(call, String::new()));
        let rollback = if message.validate_only {
            let counted = self.0.preview(&onward, &action, span).await?;
            wire::Rollback {
                name: String::new(),
                rollback_id: String::new(),
                etag: String::new(),
                allowed_actions: Vec::new(),
                ..rollback(&counted, grant.principal())
            }
        } else {
            rollback(&self.0.propose(&onward, action, span).await?, grant.principal())
        };
        Ok(wire::ProposeRollbackResponse {
            rollback: Some(rollback),
        })
    }

    async fn approve_rollback(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ApproveRollbackRequest,
    ) -> Result<wire::ApproveRollbackResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let (onward, action) = (grant.own_call(), action_of(call, message.etag));
        let (one, done) = self.0.approve(&onward, action, id).await?;
        Ok(wire::ApproveRollbackResponse {
            rollback: Some(rollback(&one, grant.principal())),
            effect: Some(effect(&done)),
        })
    }

    async fn reject_rollback(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RejectRollbackRequest,
    ) -> Result<wire::RejectRollbackResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, State::Rejected).await?;
        Ok(wire::RejectRollbackResponse {
            rollback: Some(rollback(&one, grant.principal())),
        })
    }

    async fn withdraw_rollback(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::WithdrawRollbackRequest,
    ) -> Result<wire::WithdrawRollbackResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, State::Withdrawn).await?;
        Ok(wire::WithdrawRollbackResponse {
            rollback: Some(rollback(&one, grant.principal())),
        })
    }

    async fn get_rollback(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetRollbackRequest,
    ) -> Result<wire::GetRollbackResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let found = self.0.find(&call.permit, id).await?;
        Ok(wire::GetRollbackResponse {
            rollback: Some(rollback(&found, call.grant.principal())),
        })
    }

    async fn list_rollbacks(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListRollbacksRequest,
    ) -> Result<wire::ListRollbacksResponse, Fault> {
        let state = State::VARIANTS
            .iter()
            .copied()
            .find(|one| wire_state(*one) == message.state());
        let (found, next_page_token) = self.0.list(&call.permit, state, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListRollbacksResponse {
            rollbacks: found.iter().map(|one| rollback(one, caller)).collect(),
            next_page_token,
        })
    }
}

/// The span of a request. All violations are reported.
fn span(message: &wire::ProposeRollbackRequest) -> Result<FeedSpan, Fault> {
    let from = reply::required(message.start_time.as_ref().map(timestamp), "start_time");
    let until = reply::required(message.end_time.as_ref().map(timestamp), "end_time");
    let is_ordered = match (&from, &until) {
        (Ok(from), Ok(until)) if until <= from => Err(fault::end_before_start()),
        _ => Ok(()),
    };
    let checked = (
        from,
        until,
        is_ordered,
        feed(&message.source),
        reply::text(&message.reason, "reason", 200),
    );
    let (from, until, (), source, reason) = checked.all_valid()?;
    Ok(FeedSpan {
        source,
        from,
        until,
        reason,
    })
}

/// The name of a feed. Statements of people, officers and partners are not rolled back.
fn feed(name: &str) -> Result<String, Violation> {
    if Source::is_feed(name) {
        return Ok(name.to_owned());
    }
    Err(fault::proposals::source_not_a_feed())
}

fn rollback(one: &Rollback, caller: &Principal) -> wire::Rollback {
    let allowed = if caller.roles.has(Role::Supervisor) {
        one.allowed(&caller.account)
    } else {
        Vec::new()
    };
    let (approved, closed) = (one.approved.as_ref(), one.closed.as_ref());
    let by = |signed: Option<&Signature>| signed.map(|by| by.officer.clone()).unwrap_or_default();
    wire::Rollback {
        name: one.name(),
        rollback_id: one.id.to_string(),
        source: one.span.source.clone(),
        start_time: Some(instant(one.span.from)),
        end_time: Some(instant(one.span.until)),
        reason: one.span.reason.clone(),
        state: wire_state(one.state).into(),
        preview: Some(preview(&one.preview)),
        outcome: approved.map(|_| outcome(one.outcome)),
        approval: Some(types::Approval {
            proposer: one.proposed.officer.clone(),
            propose_time: Some(instant(one.proposed.at)),
            approver: by(approved),
            approve_time: approved.map(|by| instant(by.at)),
            closer: by(closed),
            close_time: closed.map(|by| instant(by.at)),
        }),
        divisions: one.divisions.iter().map(ToString::to_string).collect(),
        etag: etag(one).into(),
        allowed_actions: allowed.into_iter().map(|step| action(step).into()).collect(),
    }
}

fn preview(preview: &Preview) -> wire::RollbackPreview {
    let colour = |colour: Colour| types::Colour::from(colour).into();
    let changes = preview.colours.iter();
    wire::RollbackPreview {
        subjects: count(preview.subjects),
        retracted: count(preview.retracted),
        restated: count(preview.restated),
        tried_subjects: count(preview.tried),
        colour_changes: changes
            .map(|(before, after, people)| wire::RollbackColourChange {
                before: colour(*before),
                after: colour(*after),
                count: count(*people),
            })
            .collect(),
    }
}

fn outcome(outcome: Outcome) -> wire::RollbackOutcome {
    wire::RollbackOutcome {
        subjects: count(outcome.subjects),
        retracted: count(outcome.retracted),
        restated: count(outcome.restated),
        redecided: count(outcome.redecided),
    }
}

const fn wire_state(state: State) -> wire::RollbackState {
    match state {
        State::Proposed => wire::RollbackState::Proposed,
        State::Approved => wire::RollbackState::Approved,
        State::Rejected => wire::RollbackState::Rejected,
        State::Withdrawn => wire::RollbackState::Withdrawn,
        State::Done => wire::RollbackState::Done,
    }
}
