//! The RPCs of key areas.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{DivisionCode, Fault};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_risk_engine::legal_basis::LegalBasis;
use lutong_skin::risk_rules::v1::KeyAreaHandler;
use lutong_transport::access::{DivisionPermit, Principal};
use lutong_transport::reply;
use lutong_transport::reply::uuid_of;
use strum::VariantArray as _;

use super::domain::Proposal;
use super::service::{KeyAreas, StandingKeyArea};
use super::store::Filter;
use crate::approval::domain::{Closing, State, Step};
use crate::approval::rpc::{action_of, allowed_actions, approval, legal_basis, read_basis};
use crate::areas::rpc::places::issued_division;
use crate::fault;
use crate::operations::rpc::effect;
use crate::wire::{instant, timestamp};

const COLLECTION: &str = "key-areas";

pub struct Handler(pub KeyAreas);

impl KeyAreaHandler for Handler {
    async fn propose_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ProposeKeyAreaRequest,
    ) -> Result<wire::ProposeKeyAreaResponse, Fault> {
        let (proposal, grant) = (proposal(&message)?, call.grant.clone());
        let stored = self.0.propose(action_of(call, String::new()), proposal).await?;
        Ok(wire::ProposeKeyAreaResponse {
            key_area: Some(key_area(&stored, grant.principal())),
        })
    }

    async fn approve_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ApproveKeyAreaRequest,
    ) -> Result<wire::ApproveKeyAreaResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let (onward, action) = (grant.own_call(), action_of(call, message.etag));
        let (one, done) = self.0.act(&onward, action, id, Step::Approve).await?;
        Ok(wire::ApproveKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
            effect: Some(effect(&done)),
        })
    }

    async fn reject_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RejectKeyAreaRequest,
    ) -> Result<wire::RejectKeyAreaResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, Closing::Rejected).await?;
        Ok(wire::RejectKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
        })
    }

    async fn withdraw_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::WithdrawKeyAreaRequest,
    ) -> Result<wire::WithdrawKeyAreaResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let action = action_of(call, message.etag);
        let one = self.0.refuse(action, id, Closing::Withdrawn).await?;
        Ok(wire::WithdrawKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
        })
    }

    async fn end_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::EndKeyAreaRequest,
    ) -> Result<wire::EndKeyAreaResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let (onward, action) = (grant.own_call(), action_of(call, message.etag));
        let (one, done) = self.0.act(&onward, action, id, Step::End).await?;
        Ok(wire::EndKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
            effect: Some(effect(&done)),
        })
    }

    async fn get_key_area(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetKeyAreaRequest,
    ) -> Result<wire::GetKeyAreaResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let found = self.0.find(&call.permit, id).await?;
        Ok(wire::GetKeyAreaResponse {
            key_area: Some(key_area(&found, call.grant.principal())),
        })
    }

    async fn list_key_areas(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListKeyAreasRequest,
    ) -> Result<wire::ListKeyAreasResponse, Fault> {
        let filter = Filter {
            state: State::VARIANTS
                .iter()
                .copied()
                .find(|one| state(*one) == message.state()),
            // The bounds of the contract have checked its shape.
            division: DivisionCode::parse(&message.division).ok(),
        };
        let (found, next_page_token) = self.0.list(&call.permit, filter, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListKeyAreasResponse {
            key_areas: found.iter().map(|one| key_area(one, caller)).collect(),
            next_page_token,
        })
    }
}

fn proposal(message: &wire::ProposeKeyAreaRequest) -> Result<Proposal, Fault> {
    let from = reply::required(message.start_time.as_ref().map(timestamp), "start_time");
    let to = message.end_time.as_ref().map(timestamp);
    let is_ordered = match (&from, to) {
        (Ok(from), Some(to)) if to <= *from => Err(fault::end_before_start()),
        _ => Ok(()),
    };
    let checked = (
        issued_division(&message.division),
        from,
        is_ordered,
        read_basis(message.legal_basis(), &LegalBasis::OF_KEY_AREAS),
    );
    let (code, from, (), basis) = checked.all_valid()?;
    Ok(Proposal {
        code,
        from,
        to,
        basis,
    })
}

const fn state(state: State) -> wire::KeyAreaState {
    match state {
        State::Proposed => wire::KeyAreaState::Proposed,
        State::Approved => wire::KeyAreaState::Approved,
        State::Rejected => wire::KeyAreaState::Rejected,
        State::Withdrawn => wire::KeyAreaState::Withdrawn,
        // A key area is never retracted.
        State::Ended | State::Retracted => wire::KeyAreaState::Ended,
        State::Expired => wire::KeyAreaState::Expired,
    }
}

/// The roles that may take a step, as the policies of the RPCs state.
const fn roles(step: Step) -> &'static [Role] {
    match step {
        Step::Withdraw => &[Role::HealthOfficer],
        Step::Approve | Step::Reject | Step::End => &[Role::HealthOfficer, Role::Supervisor],
    }
}

fn key_area(standing: &StandingKeyArea, caller: &Principal) -> wire::KeyArea {
    let one = &standing.area;
    let is_listed = one.approval.approved.is_some();
    let entry = one.entry(one.proposal.from);
    wire::KeyArea {
        name: one.name(),
        key_area_id: one.id.to_string(),
        division: one.proposal.code.to_string(),
        start_time: Some(instant(one.proposal.from)),
        end_time: one.proposal.to.map(instant),
        legal_basis: Some(legal_basis(one.proposal.basis)),
        state: state(standing.state).into(),
        approval: Some(approval(&one.approval)),
        etag: standing.etag().into(),
        allowed_actions: allowed_actions(&one.approval, standing.state, caller, roles),
        area: if is_listed { entry.name() } else { String::new() },
    }
}
