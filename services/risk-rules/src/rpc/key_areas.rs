//! Key areas.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::Violations;
use lutong_kernel::{DivisionCode, Fault, Timestamp, Violation};
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_skin::risk_rules::v1::KeyAreaHandler;
use lutong_transport::access::{DivisionPermit, Principal};

use super::approval::{self, acting, instant, read_basis};
use super::places::issued_division;
use crate::domain::approval::{Closing, State, Step};
use crate::domain::key_area::Proposal;
use crate::domain::legal_basis::LegalBasis;
use crate::service::deciding::Decider;
use crate::service::key_areas::StandingKeyArea;
use crate::store::key_areas::Filter;
use lutong_transport::reply::uuid_of;

const COLLECTION: &str = "key-areas";

pub struct Handler(pub Decider);

impl KeyAreaHandler for Handler {
    async fn propose_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ProposeKeyAreaRequest,
    ) -> Result<wire::ProposeKeyAreaResponse, Fault> {
        let (proposal, grant) = (proposal(&message)?, call.grant.clone());
        let stored = self
            .0
            .propose_key_area(acting(call, String::new()), proposal)
            .await?;
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
        let (onward, acting) = (grant.own_call(), acting(call, message.etag));
        let (one, effect) = self.0.act_on_key_area(&onward, acting, id, Step::Approve).await?;
        Ok(wire::ApproveKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
            effect: Some(approval::effect(&effect)),
        })
    }

    async fn reject_key_area(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::RejectKeyAreaRequest,
    ) -> Result<wire::RejectKeyAreaResponse, Fault> {
        let (id, grant) = (uuid_of(&message.name, COLLECTION)?, call.grant.clone());
        let acting = acting(call, message.etag);
        let one = self.0.refuse_key_area(acting, id, Closing::Rejected).await?;
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
        let acting = acting(call, message.etag);
        let one = self.0.refuse_key_area(acting, id, Closing::Withdrawn).await?;
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
        let (onward, acting) = (grant.own_call(), acting(call, message.etag));
        let (one, effect) = self.0.act_on_key_area(&onward, acting, id, Step::End).await?;
        Ok(wire::EndKeyAreaResponse {
            key_area: Some(key_area(&one, grant.principal())),
            effect: Some(approval::effect(&effect)),
        })
    }

    async fn get_key_area(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetKeyAreaRequest,
    ) -> Result<wire::GetKeyAreaResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let found = self.0.key_area(&call.permit, id).await?;
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
            state: State::ALL.into_iter().find(|one| state(*one) == message.state()),
            // Its shape was checked with the bounds.
            division: DivisionCode::parse(&message.division).ok(),
        };
        let (found, next_page_token) = self.0.list_key_areas(&call.permit, filter, &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListKeyAreasResponse {
            key_areas: found.iter().map(|one| key_area(one, caller)).collect(),
            next_page_token,
        })
    }
}

fn proposal(message: &wire::ProposeKeyAreaRequest) -> Result<Proposal, Fault> {
    let mut wrong = Violations::new();
    let at = |time: &prost_types::Timestamp| Timestamp::from_micros(time::to_micros(time));
    let code = wrong.take(issued_division(&message.division));
    let (from, to) = (
        message.start_time.as_ref().map(at),
        message.end_time.as_ref().map(at),
    );
    if let (Some(from), Some(to)) = (from, to)
        && to <= from
    {
        let (zh, en) = ("应晚于start_time", "does not lie after start_time");
        wrong.push(Violation::new("end_time", "END_BEFORE_START", zh, en));
    }
    let basis = wrong.take(read_basis(message.legal_basis(), &LegalBasis::OF_KEY_AREAS));
    wrong.finish()?;
    match (code, from, basis) {
        (Some(code), Some(from), Some(basis)) => Ok(Proposal {
            code,
            from,
            to,
            basis,
        }),
        // Unreachable: `finish` above returned every violation, and the bounds ask for a beginning.
        _ => Err(Fault::internal()),
    }
}

const fn state(state: State) -> wire::KeyAreaState {
    match state {
        State::Proposed => wire::KeyAreaState::Proposed,
        State::Approved => wire::KeyAreaState::Approved,
        State::Rejected => wire::KeyAreaState::Rejected,
        State::Withdrawn => wire::KeyAreaState::Withdrawn,
        // Nothing retracts a key area.
        State::Ended | State::Retracted => wire::KeyAreaState::Ended,
        State::Expired => wire::KeyAreaState::Expired,
    }
}

/// As the policies of the RPCs say it.
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
        legal_basis: Some(approval::legal_basis(one.proposal.basis)),
        state: state(standing.state).into(),
        approval: Some(approval::approval(&one.approval)),
        etag: standing.etag().into(),
        allowed_actions: approval::allowed_actions(&one.approval, standing.state, caller, roles),
        area: if is_listed { entry.name() } else { String::new() },
    }
}
