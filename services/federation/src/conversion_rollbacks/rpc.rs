//! `ConversionRollbackService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{ConversionRollbackId, Fault, FreeText, TextRule, Violation};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time::{instant, timestamp};
use lutong_skin::federation::v1::ConversionRollbackHandler;
use lutong_transport::access::{NoPermit, Principal};
use lutong_transport::reply;

use super::domain::{Action, ConversionRollback, RollbackState, Span};
use super::service::{ConversionRollbacks, Step, etag};
use crate::approval::{Decided, approval};
use crate::fault;
use crate::partners::domain::PartnerId;

const COLLECTION: &str = "conversion-rollbacks";
/// Characters of a reason.
const MAX_REASON: usize = 200;
/// Characters of a key id.
const KEY_ID: usize = 16;

pub struct ConversionRollbackRpc(pub ConversionRollbacks);

impl ConversionRollbackHandler for ConversionRollbackRpc {
    async fn propose_conversion_rollback(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ProposeConversionRollbackRequest,
    ) -> Result<wire::ProposeConversionRollbackResponse, Fault> {
        let reason = FreeText::parse(&message.reason, TextRule::line(MAX_REASON));
        let reason = reason
            .map_err(|error| reply::wrong(error.violation("reason")))?
            .into_string();
        let (span, caller) = (span(&message)?, call.grant.principal());
        let shown = if message.validate_only {
            let counted = self.0.count(&caller.account, span, reason).await?;
            wire::ConversionRollback {
                name: String::new(),
                conversion_rollback_id: String::new(),
                etag: String::new(),
                allowed_actions: Vec::new(),
                ..shown(&counted, caller)
            }
        } else {
            let proposed = self.0.propose(call.request, &caller.account, span, reason);
            shown(&proposed.await?, caller)
        };
        Ok(wire::ProposeConversionRollbackResponse {
            conversion_rollback: Some(shown),
        })
    }

    async fn approve_conversion_rollback(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ApproveConversionRollbackRequest,
    ) -> Result<wire::ApproveConversionRollbackResponse, Fault> {
        let done = self
            .act(call, &message.name, message.etag, Action::Approve)
            .await?;
        Ok(wire::ApproveConversionRollbackResponse {
            conversion_rollback: Some(done),
        })
    }

    async fn reject_conversion_rollback(
        &self,
        call: Mutation<NoPermit>,
        message: wire::RejectConversionRollbackRequest,
    ) -> Result<wire::RejectConversionRollbackResponse, Fault> {
        let done = self
            .act(call, &message.name, message.etag, Action::Reject)
            .await?;
        Ok(wire::RejectConversionRollbackResponse {
            conversion_rollback: Some(done),
        })
    }

    async fn get_conversion_rollback(
        &self,
        call: Query<NoPermit>,
        message: wire::GetConversionRollbackRequest,
    ) -> Result<wire::GetConversionRollbackResponse, Fault> {
        let found = self.0.find(id(&message.name)?).await?;
        Ok(wire::GetConversionRollbackResponse {
            conversion_rollback: Some(shown(&found, call.grant.principal())),
        })
    }

    async fn list_conversion_rollbacks(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListConversionRollbacksRequest,
    ) -> Result<wire::ListConversionRollbacksResponse, Fault> {
        let (found, next_page_token) = self.0.list(read_state(message.state()), &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListConversionRollbacksResponse {
            conversion_rollbacks: found.iter().map(|one| shown(one, caller)).collect(),
            next_page_token,
        })
    }
}

impl ConversionRollbackRpc {
    async fn act(
        &self,
        call: Mutation<NoPermit>,
        name: &str,
        etag: String,
        action: Action,
    ) -> Result<wire::ConversionRollback, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            request: call.request,
            account: caller.account.clone(),
            id: id(name)?,
            etag,
            action,
        };
        Ok(shown(&self.0.act(step).await?, caller))
    }
}

fn id(name: &str) -> Result<ConversionRollbackId, Fault> {
    reply::uuid_of(name, COLLECTION).map(ConversionRollbackId::from_uuid)
}

fn span(message: &wire::ProposeConversionRollbackRequest) -> Result<Span, Fault> {
    let (from, until) = (message.start_time.as_ref(), message.end_time.as_ref());
    let checked = (
        PartnerId::parse(&message.partner_id).map_err(|_| fault::partner_shape("partner_id")),
        key_id(&message.key_id),
        reply::required(from.map(timestamp), "start_time"),
        reply::required(until.map(timestamp), "end_time"),
    );
    let (partner, key_id, from, until) = checked.all_valid()?;
    Ok(Span {
        partner,
        key_id,
        from,
        until,
    })
}

fn key_id(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == KEY_ID && text.bytes().all(is_digit) {
        return Ok(Some(text.to_owned()));
    }
    Err(fault::key_id_shape())
}

fn shown(one: &ConversionRollback, caller: &Principal) -> wire::ConversionRollback {
    let was_approved = one.state != RollbackState::Rejected;
    let decided = one.decided.as_ref().map(|by| Decided { by, was_approved });
    wire::ConversionRollback {
        name: format!("{COLLECTION}/{}", one.id),
        conversion_rollback_id: one.id.to_string(),
        state: state(one.state).into(),
        etag: etag(one).into(),
        partner_id: one.span.partner.to_string(),
        key_id: one.span.key_id.clone().unwrap_or_default(),
        start_time: Some(instant(one.span.from)),
        end_time: Some(instant(one.span.until)),
        reason: one.reason.clone(),
        approval: Some(approval(&one.proposed, decided)),
        conversions: i64::try_from(one.conversions).unwrap_or(i64::MAX),
        allowed_actions: allowed(one, caller),
    }
}

fn allowed(one: &ConversionRollback, caller: &Principal) -> Vec<i32> {
    if one.state != RollbackState::Proposed || !caller.roles.has(Role::Operator) {
        return Vec::new();
    }
    let mut allowed = Vec::new();
    if one.proposed.account != caller.account {
        allowed.push(wire::ConversionRollbackAction::Approve.into());
    }
    allowed.push(wire::ConversionRollbackAction::Reject.into());
    allowed
}

const fn state(state: RollbackState) -> wire::ConversionRollbackState {
    match state {
        RollbackState::Proposed => wire::ConversionRollbackState::Proposed,
        RollbackState::Approved => wire::ConversionRollbackState::Approved,
        RollbackState::Done => wire::ConversionRollbackState::Done,
        RollbackState::Rejected => wire::ConversionRollbackState::Rejected,
    }
}

const fn read_state(state: wire::ConversionRollbackState) -> Option<RollbackState> {
    match state {
        wire::ConversionRollbackState::Unspecified => None,
        wire::ConversionRollbackState::Proposed => Some(RollbackState::Proposed),
        wire::ConversionRollbackState::Approved => Some(RollbackState::Approved),
        wire::ConversionRollbackState::Done => Some(RollbackState::Done),
        wire::ConversionRollbackState::Rejected => Some(RollbackState::Rejected),
    }
}
