//! `PartnerService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, FreeText, TextRule};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::federation::v1::PartnerHandler;
use lutong_transport::access::{NoPermit, Principal};
use lutong_transport::reply;

use super::domain::{Action, Partner, PartnerId, PartnerState};
use super::service::{Partners, Step, etag};
use crate::approval::{Decided, approval};
use crate::fault;
use crate::trust_lists::domain::{Agreement, Direction, KeyPurpose, Mode, PartnerKey};

/// `partners/{partner}`.
const COLLECTION: &str = "partners/";
/// Characters of a reason.
const MAX_REASON: usize = 200;

pub struct PartnerRpc(pub Partners);

impl PartnerHandler for PartnerRpc {
    async fn propose_partner(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ProposePartnerRequest,
    ) -> Result<wire::ProposePartnerResponse, Fault> {
        let reason = FreeText::parse(&message.reason, TextRule::line(MAX_REASON))
            .map_err(|error| reply::wrong(error.violation("reason")))?;
        let state = read_state(message.proposed_state())
            .filter(|state| *state != PartnerState::Damaged)
            .ok_or_else(|| reply::wrong(fault::state_not_proposable()))?;
        let action = Action::Propose {
            state,
            reason: reason.into_string(),
        };
        let partner = self.act(call, &message.name, message.etag, action).await?;
        Ok(wire::ProposePartnerResponse {
            partner: Some(partner),
        })
    }

    async fn approve_partner(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ApprovePartnerRequest,
    ) -> Result<wire::ApprovePartnerResponse, Fault> {
        let partner = self
            .act(call, &message.name, message.etag, Action::Approve)
            .await?;
        Ok(wire::ApprovePartnerResponse {
            partner: Some(partner),
        })
    }

    async fn reject_partner(
        &self,
        call: Mutation<NoPermit>,
        message: wire::RejectPartnerRequest,
    ) -> Result<wire::RejectPartnerResponse, Fault> {
        let partner = self
            .act(call, &message.name, message.etag, Action::Reject)
            .await?;
        Ok(wire::RejectPartnerResponse {
            partner: Some(partner),
        })
    }

    async fn get_partner(
        &self,
        call: Query<NoPermit>,
        message: wire::GetPartnerRequest,
    ) -> Result<wire::GetPartnerResponse, Fault> {
        let found = self.0.find(id(&message.name)?).await?;
        Ok(wire::GetPartnerResponse {
            partner: Some(self.shown(&found, call.grant.principal())),
        })
    }

    async fn list_partners(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListPartnersRequest,
    ) -> Result<wire::ListPartnersResponse, Fault> {
        let (found, next_page_token) = self.0.list(read_state(message.state()), &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListPartnersResponse {
            partners: found.iter().map(|one| self.shown(one, caller)).collect(),
            next_page_token,
        })
    }
}

impl PartnerRpc {
    async fn act(
        &self,
        call: Mutation<NoPermit>,
        name: &str,
        etag: String,
        action: Action,
    ) -> Result<wire::Partner, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            request: call.request,
            account: caller.account.clone(),
            id: id(name)?,
            etag,
            action,
        };
        let done = self.0.act(step).await?;
        Ok(self.shown(&done, caller))
    }

    fn shown(&self, partner: &Partner, caller: &Principal) -> wire::Partner {
        let trust = self.0.trust();
        let agreed = trust.agreement(partner.id);
        let numbers = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let intermediaries = agreed.map_or_else(Vec::new, |agreed| agreed.intermediaries.clone());
        wire::Partner {
            name: format!("{COLLECTION}{}", partner.id),
            partner_id: partner.id.to_string(),
            state: state(partner.state).into(),
            etag: etag(partner).into(),
            display_name: agreed.map_or_else(String::new, |agreed| agreed.name.clone()),
            keys: agreed.map_or_else(Vec::new, |agreed| agreed.keys.iter().map(key).collect()),
            tls_names: agreed.map_or_else(Vec::new, |agreed| agreed.tls_names.clone()),
            directions: agreed.map_or_else(Vec::new, directions),
            modes: agreed.map_or_else(Vec::new, modes),
            interface: agreed.map_or_else(String::new, |agreed| agreed.interface.clone()),
            requests_per_minute: agreed.map_or(0, |agreed| numbers(agreed.quota.requests_per_minute)),
            requests_per_day: agreed.map_or(0, |agreed| numbers(agreed.quota.requests_per_day)),
            intermediaries: intermediaries.iter().map(PartnerId::to_string).collect(),
            proposed_state: partner
                .proposal
                .as_ref()
                .map_or(wire::PartnerState::Unspecified, |proposal| state(proposal.state))
                .into(),
            proposal_reason: partner
                .proposal
                .as_ref()
                .map_or_else(String::new, |proposal| proposal.reason.clone()),
            approval: approved(partner),
            remove_time: partner.removed_at.map(instant),
            allowed_actions: allowed(partner, caller),
        }
    }
}

/// The partner that a name names.
/// The partner of a name.
pub fn id(name: &str) -> Result<PartnerId, Fault> {
    id_in(name, COLLECTION)
}

/// The partner that is named in a collection, in its one spelling.
pub fn id_in(name: &str, collection: &str) -> Result<PartnerId, Fault> {
    let id = name.strip_prefix(collection).unwrap_or_default();
    let found = PartnerId::parse(id).ok().filter(|found| found.to_string() == id);
    found.ok_or_else(fault::partner_not_found)
}

fn allowed(partner: &Partner, caller: &Principal) -> Vec<i32> {
    if !caller.roles.has(Role::Operator) {
        return Vec::new();
    }
    let mut allowed = Vec::new();
    if partner.removed_at.is_none() {
        allowed.push(wire::PartnerAction::Propose.into());
    }
    if let Some(proposal) = &partner.proposal {
        if proposal.by.account != caller.account {
            allowed.push(wire::PartnerAction::Approve.into());
        }
        allowed.push(wire::PartnerAction::Reject.into());
    }
    allowed
}

fn approved(partner: &Partner) -> Option<types::Approval> {
    if let Some(proposal) = &partner.proposal {
        return Some(approval(&proposal.by, None));
    }
    let closed = partner.closed.as_ref()?;
    let decided = Decided {
        by: &closed.by,
        was_approved: closed.was_approved,
    };
    Some(approval(&closed.proposed, Some(decided)))
}

fn key(key: &PartnerKey) -> wire::PartnerKey {
    let purposes = key.purposes.iter().map(|purpose| match purpose {
        KeyPurpose::Codes => wire::PartnerKeyPurpose::Codes.into(),
        KeyPurpose::Messages => wire::PartnerKeyPurpose::Messages.into(),
        KeyPurpose::Batches => wire::PartnerKeyPurpose::Batches.into(),
    });
    wire::PartnerKey {
        key_id: key.trusted.key.kid().to_string(),
        algorithm: key.trusted.key.algorithm().to_string(),
        purposes: purposes.collect(),
        start_time: Some(instant(key.trusted.not_before)),
        end_time: key.trusted.not_after.map(instant),
        revoke_time: key.trusted.revoked_at.map(instant),
    }
}

fn directions(agreed: &Agreement) -> Vec<i32> {
    let shown = agreed.directions.iter().map(|direction| match direction {
        Direction::Inbound => wire::PartnerDirection::Inbound.into(),
        Direction::Outbound => wire::PartnerDirection::Outbound.into(),
    });
    shown.collect()
}

fn modes(agreed: &Agreement) -> Vec<i32> {
    let shown = agreed.modes.iter().map(|mode| match mode {
        Mode::SharedData => wire::RecognitionMode::SharedData.into(),
        Mode::Conversion => wire::RecognitionMode::Conversion.into(),
        Mode::NationalCode => wire::RecognitionMode::NationalCode.into(),
    });
    shown.collect()
}

const fn state(state: PartnerState) -> wire::PartnerState {
    match state {
        PartnerState::Test => wire::PartnerState::Test,
        PartnerState::Pilot => wire::PartnerState::Pilot,
        PartnerState::Live => wire::PartnerState::Live,
        PartnerState::Suspended => wire::PartnerState::Suspended,
        PartnerState::Damaged => wire::PartnerState::Damaged,
    }
}

const fn read_state(state: wire::PartnerState) -> Option<PartnerState> {
    match state {
        wire::PartnerState::Unspecified => None,
        wire::PartnerState::Test => Some(PartnerState::Test),
        wire::PartnerState::Pilot => Some(PartnerState::Pilot),
        wire::PartnerState::Live => Some(PartnerState::Live),
        wire::PartnerState::Suspended => Some(PartnerState::Suspended),
        wire::PartnerState::Damaged => Some(PartnerState::Damaged),
    }
}
