//! Conversions of operations to the contract's messages.

use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use strum::VariantArray as _;

use super::{Failure, Filter, Kind, Operation, State};

impl From<Kind> for types::OperationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::BringIntoForce => Self::BringIntoForce,
            Kind::Recompare => Self::Recompare,
            Kind::PreviewRuleSet => Self::PreviewRuleSet,
            Kind::RollBack => Self::RollBack,
            Kind::VerifyHistory => Self::VerifyHistory,
            Kind::Pull => Self::Pull,
        }
    }
}

impl From<State> for types::OperationState {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Running => Self::Running,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Failure> for types::OperationError {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason,
            message: Some(types::LocalisedText::new(failure.zh, failure.en)),
        }
    }
}

impl From<Operation> for types::Operation {
    fn from(one: Operation) -> Self {
        Self {
            name: one.name(),
            operation_id: one.id.to_string(),
            kind: types::OperationKind::from(one.kind).into(),
            state: types::OperationState::from(one.state).into(),
            progress: Some(types::OperationProgress {
                done: one.done,
                total: one.total,
                unit: unit(one.kind).into(),
            }),
            create_time: Some(instant(one.created_at)),
            finish_time: one.finished_at.map(instant),
            error: one.failure.map(types::OperationError::from),
            target: one.target,
        }
    }
}

impl Filter {
    /// A filter by kind and state; UNSPECIFIED matches any.
    pub fn of_request(kind: types::OperationKind, state: types::OperationState) -> Self {
        Self {
            account: None,
            kind: Kind::VARIANTS
                .iter()
                .copied()
                .find(|one| types::OperationKind::from(*one) == kind),
            state: State::VARIANTS
                .iter()
                .copied()
                .find(|one| types::OperationState::from(*one) == state),
        }
    }
}

const fn unit(kind: Kind) -> types::ProgressUnit {
    match kind {
        Kind::BringIntoForce | Kind::RollBack | Kind::VerifyHistory => types::ProgressUnit::Subjects,
        Kind::Recompare | Kind::PreviewRuleSet => types::ProgressUnit::Parts,
        Kind::Pull => types::ProgressUnit::Rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_state_of_the_contract_can_be_asked_for() {
        for number in 1..=6 {
            let kind = types::OperationKind::try_from(number).unwrap();
            assert!(
                Filter::of_request(kind, types::OperationState::Unspecified)
                    .kind
                    .is_some(),
                "{kind:?}"
            );
        }
        assert!(
            types::OperationKind::try_from(7).is_err(),
            "a new kind is a variant of Kind"
        );
        for number in 1..=5 {
            let state = types::OperationState::try_from(number).unwrap();
            assert!(
                Filter::of_request(types::OperationKind::Unspecified, state)
                    .state
                    .is_some(),
                "{state:?}"
            );
        }
    }
}
