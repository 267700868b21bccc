//! Who stands behind something, what may be done about it, and what that did to colours: to the wire.

use lutong_chassis::skin::Mutation;
use lutong_kernel::Timestamp;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::{DivisionPermit, Grant, Principal};

use crate::domain::approval::{Approval, Signature, State, Step};
use crate::domain::legal_basis::LegalBasis;
use crate::service::approval::Acting;
use crate::service::effect::Effect;

pub fn instant(at: Timestamp) -> prost_types::Timestamp {
    time::from_micros(at.micros())
}

/// An action of the caller's on what they have seen.
pub fn acting(call: Mutation<DivisionPermit>, etag: String) -> Acting {
    let Mutation {
        grant,
        permit,
        request,
    } = call;
    acting_of(&grant, permit, request, etag)
}

fn acting_of(grant: &Grant, permit: DivisionPermit, request: RequestKey, etag: String) -> Acting {
    Acting {
        permit,
        request,
        account: grant.principal().account.clone(),
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

/// What the caller may do about something, where `steps` says which roles take which step.
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

const fn action(step: Step) -> wire::Action {
    match step {
        Step::Approve => wire::Action::Approve,
        Step::Reject => wire::Action::Reject,
        Step::Withdraw => wire::Action::Withdraw,
        Step::End => wire::Action::End,
    }
}

pub fn effect(effect: &Effect) -> types::Effect {
    let state = if effect.is_in_force() {
        types::EffectState::InForce
    } else {
        types::EffectState::Pending
    };
    types::Effect {
        redecided: i64::try_from(effect.redecided).unwrap_or(i64::MAX),
        state: state.into(),
        operation: effect
            .operation
            .map(lutong_chassis::operations::name)
            .unwrap_or_default(),
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

/// The basis of a code, where it is one of `provided`.
pub fn read_basis(
    asked: wire::LegalBasisCode,
    provided: &[LegalBasis],
) -> Result<LegalBasis, lutong_kernel::Violation> {
    let found = provided.iter().find(|basis| code(**basis) == asked).copied();
    found.ok_or_else(|| {
        let words = provided.iter().map(|basis| code(*basis).as_str_name());
        let words: Vec<_> = words
            .map(|word| word.trim_start_matches("LEGAL_BASIS_CODE_"))
            .collect();
        let list = words.join(", ");
        lutong_kernel::Violation::new(
            "legal_basis",
            "LEGAL_BASIS",
            format!("须为以下依据之一：{list}"),
            format!("is one of {list}"),
        )
    })
}
