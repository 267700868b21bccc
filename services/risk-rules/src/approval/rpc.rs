//! Wire forms of approvals, allowed actions and legal bases.

use lutong_chassis::skin::Mutation;
use lutong_kernel::Violation;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_risk_engine::legal_basis::LegalBasis;
use lutong_transport::access::{DivisionPermit, Principal};

use super::domain::{Approval, Signature, State, Step};
use super::service::OfficerAction;
use crate::fault::proposals;
use crate::wire::instant;

/// The caller's action on a state that they have seen.
pub fn action_of(call: Mutation<DivisionPermit>, etag: String) -> OfficerAction {
    let account = call.grant.principal().account.clone();
    OfficerAction {
        permit: call.permit,
        request: call.request,
        account,
        etag,
    }
}

fn signed(by: Option<&Signature>) -> (String, Option<prost_types::Timestamp>) {
    by.map_or_else(Default::default, |by| (by.officer.clone(), Some(instant(by.at))))
}

pub fn approval(approval: &Approval) -> types::Approval {
    let (approver, approve_time) = signed(approval.approved.as_ref());
    let (closer, close_time) = signed(approval.closed.as_ref().map(|(_, by)| by));
    types::Approval {
        proposer: approval.proposed.officer.clone(),
        propose_time: Some(instant(approval.proposed.at)),
        approver,
        approve_time,
        closer,
        close_time,
    }
}

/// The actions that the caller may take; `may` names the roles that may take a step.
pub fn allowed_actions(
    approval: &Approval,
    state: State,
    caller: &Principal,
    may: impl Fn(Step) -> &'static [Role],
) -> Vec<i32> {
    let steps = approval.allowed(state, &caller.account).into_iter();
    steps
        .filter(|step| may(*step).iter().any(|role| caller.roles.has(*role)))
        .map(|step| action(step).into())
        .collect()
}

pub const fn action(step: Step) -> wire::Action {
    match step {
        Step::Approve => wire::Action::Approve,
        Step::Reject => wire::Action::Reject,
        Step::Withdraw => wire::Action::Withdraw,
        Step::End => wire::Action::End,
    }
}

pub fn legal_basis(basis: LegalBasis) -> wire::LegalBasis {
    let (zh, en) = basis.texts();
    wire::LegalBasis {
        code: code(basis).into(),
        text: Some(types::LocalisedText::new(zh, en)),
    }
}

const fn code(basis: LegalBasis) -> wire::LegalBasisCode {
    match basis {
        LegalBasis::Picl39 => wire::LegalBasisCode::Picl39,
        LegalBasis::Picl41 => wire::LegalBasisCode::Picl41,
        LegalBasis::Picl42 => wire::LegalBasisCode::Picl42,
        LegalBasis::Picl43 => wire::LegalBasisCode::Picl43,
        LegalBasis::Fhql12 => wire::LegalBasisCode::Fhql12,
        LegalBasis::Erl49 => wire::LegalBasisCode::Erl49,
        LegalBasis::JointMechanism => wire::LegalBasisCode::JointMechanism,
    }
}

/// The legal basis with a code, provided that it is one of `accepted`.
pub fn read_basis(given: wire::LegalBasisCode, accepted: &[LegalBasis]) -> Result<LegalBasis, Violation> {
    let found = accepted.iter().find(|basis| code(**basis) == given).copied();
    found.ok_or_else(|| {
        let words = accepted.iter().map(|basis| code(*basis).as_str_name());
        let words: Vec<_> = words
            .map(|word| word.trim_start_matches("LEGAL_BASIS_CODE_"))
            .collect();
        proposals::legal_basis(&words.join(", "))
    })
}
