//! The RPCs of designations.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault, Timestamp, Violation};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::legal_basis::LegalBasis;
use lutong_skin::risk_rules::v1::DesignationHandler;
use lutong_transport::access::{DivisionPermit, NoPermit, Principal};
use lutong_transport::reply;
use lutong_transport::reply::uuid_of;

use super::domain::{DesignationProposal, Level, check_span};
use super::service::Designations;
use super::service::steps::{COLLECTION, StandingDesignation};
use super::store::Filter;
use crate::approval::domain::{Closing, State, Step};
use crate::approval::rpc::{action_of, allowed_actions, approval, legal_basis, read_basis};
use crate::operations::rpc::effect;
use crate::wire::{instant, timestamp};

pub struct Handler(pub Designations);

impl DesignationHandler for Handler {
    async fn propose_designation(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ProposeDesignationRequest,
    ) -> Result<wire::ProposeDesignationResponse, Fault> {
        let proposal = proposal(&message, self.0.now())?;
        let grant = call.grant.clone();
        let stored = self.0.propose(action_of(call, String::new()), proposal).await?;
        Ok(wire::ProposeDesignationResponse {
            designation: Some(designation(&stored, grant.principal())),
        })
    }

    async fn approve_designation(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ApproveDesignationRequest,
    ) -> Result<wire::ApproveDesignationResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let onward = grant.own_call();
        let (one, done) = self.0.act(&onward, action, id, Step::Approve).await?;
        Ok(wire::ApproveDesignationResponse {
            designation: Some(designation(&one, grant.principal())),
            effect: Some(effect(&done)),
        })
    }

    async fn reject_designation(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RejectDesignationRequest,
    ) -> Result<wire::RejectDesignationResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, Closing::Rejected).await?;
        Ok(wire::RejectDesignationResponse {
            designation: Some(designation(&one, grant.principal())),
        })
    }

    async fn withdraw_designation(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::WithdrawDesignationRequest,
    ) -> Result<wire::WithdrawDesignationResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, Closing::Withdrawn).await?;
        Ok(wire::WithdrawDesignationResponse {
            designation: Some(designation(&one, grant.principal())),
        })
    }

    async fn end_designation(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndDesignationRequest,
    ) -> Result<wire::EndDesignationResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let onward = grant.own_call();
        let (one, done) = self.0.act(&onward, action, id, Step::End).await?;
        Ok(wire::EndDesignationResponse {
            designation: Some(designation(&one, grant.principal())),
            effect: Some(effect(&done)),
        })
    }

    async fn get_designation(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetDesignationRequest,
    ) -> Result<wire::GetDesignationResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let found = self.0.find(&call.permit, id).await?;
        Ok(wire::GetDesignationResponse {
            designation: Some(designation(&found, call.grant.principal())),
        })
    }

    async fn list_designations(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListDesignationsRequest,
    ) -> Result<wire::ListDesignationsResponse, Fault> {
        let filter = Filter {
            state: requested_state(message.state()),
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
        };
        let listed = self.0.list(&call.permit, filter, &call.page);
        let (found, next_page_token) = listed.await?;
        let caller = call.grant.principal();
        Ok(wire::ListDesignationsResponse {
            designations: found.iter().map(|one| designation(one, caller)).collect(),
            next_page_token,
        })
    }

    async fn count_designations(
        &self,
        _: Query<NoPermit>,
        _: wire::CountDesignationsRequest,
    ) -> Result<wire::CountDesignationsResponse, Fault> {
        let counts = self.0.count().await?;
        let count = |((division, basis), count): ((DivisionCode, LegalBasis), i64)| wire::DesignationCount {
            division: division.to_string(),
            legal_basis: Some(legal_basis(basis)),
            count,
        };
        Ok(wire::CountDesignationsResponse {
            counts: counts.into_iter().map(count).collect(),
        })
    }
}

/// The proposal of a request. All violations are reported.
fn proposal(message: &wire::ProposeDesignationRequest, now: Timestamp) -> Result<DesignationProposal, Fault> {
    let from = reply::required(message.start_time.as_ref().map(timestamp), "start_time");
    let until = reply::required(message.end_time.as_ref().map(timestamp), "end_time");
    let span = match (&from, &until) {
        (Ok(from), Ok(until)) => check_span(*from, *until, now),
        _ => Ok(()),
    };
    let checked = (
        reply::subject_id(&message.subject_id, "subject_id"),
        level(message.level()),
        from,
        until,
        span,
        read_basis(message.legal_basis(), &LegalBasis::OF_DESIGNATIONS),
    );
    let (subject, level, from, until, (), basis) = checked.all_valid()?;
    Ok(DesignationProposal {
        subject,
        level,
        from,
        until,
        basis,
    })
}

fn level(level: wire::DesignationLevel) -> Result<Level, Violation> {
    match level {
        wire::DesignationLevel::High => Ok(Level::High),
        wire::DesignationLevel::Medium => Ok(Level::Medium),
        wire::DesignationLevel::Unspecified => Err(reply::missing("level")),
    }
}

/// The state that a list is restricted to; `None`: any state.
const fn requested_state(state: wire::DesignationState) -> Option<State> {
    match state {
        wire::DesignationState::Unspecified => None,
        wire::DesignationState::Proposed => Some(State::Proposed),
        wire::DesignationState::Approved => Some(State::Approved),
        wire::DesignationState::Rejected => Some(State::Rejected),
        wire::DesignationState::Withdrawn => Some(State::Withdrawn),
        wire::DesignationState::Ended => Some(State::Ended),
        wire::DesignationState::Expired => Some(State::Expired),
        wire::DesignationState::Retracted => Some(State::Retracted),
    }
}

const fn state(state: State) -> wire::DesignationState {
    match state {
        State::Proposed => wire::DesignationState::Proposed,
        State::Approved => wire::DesignationState::Approved,
        State::Rejected => wire::DesignationState::Rejected,
        State::Withdrawn => wire::DesignationState::Withdrawn,
        State::Ended => wire::DesignationState::Ended,
        State::Expired => wire::DesignationState::Expired,
        State::Retracted => wire::DesignationState::Retracted,
    }
}

/// The roles that may take a step, as the policies of the RPCs state.
const fn roles(step: Step) -> &'static [Role] {
    match step {
        Step::Withdraw => &[Role::HealthOfficer],
        Step::Approve | Step::Reject | Step::End => &[Role::HealthOfficer, Role::Supervisor],
    }
}

fn designation(standing: &StandingDesignation, caller: &Principal) -> wire::Designation {
    let one = &standing.designation;
    let level = match one.level {
        Level::High => wire::DesignationLevel::High,
        Level::Medium => wire::DesignationLevel::Medium,
    };
    wire::Designation {
        name: standing.name(),
        designation_id: one.id.to_string(),
        subject_id: one.subject.to_string(),
        level: level.into(),
        start_time: Some(instant(one.from)),
        end_time: Some(instant(one.until)),
        legal_basis: Some(legal_basis(one.basis)),
        division: one.division.to_string(),
        state: state(standing.state).into(),
        approval: Some(approval(&one.approval)),
        etag: standing.etag().into(),
        allowed_actions: allowed_actions(&one.approval, standing.state, caller, roles),
    }
}
