//! Operations as the contract writes them.

use lutong_kernel::Timestamp;
use lutong_proto::time;
use lutong_proto::types::v1 as types;

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
    /// Those of a kind and in a state, each UNSPECIFIED for any.
    pub fn asked(kind: types::OperationKind, state: types::OperationState) -> Self {
        Self {
            account: None,
            kind: Kind::ALL
                .into_iter()
                .find(|one| types::OperationKind::from(*one) == kind),
            state: State::ALL
                .into_iter()
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

fn instant(at: Timestamp) -> prost_types::Timestamp {
    time::from_micros(at.micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_state_of_the_contract_can_be_asked_for() {
        for number in 1..=6 {
            let kind = types::OperationKind::try_from(number).unwrap();
            assert!(
                Filter::asked(kind, types::OperationState::Unspecified)
                    .kind
                    .is_some(),
                "{kind:?}"
            );
        }
        assert!(
            types::OperationKind::try_from(7).is_err(),
            "a new kind is one of Kind::ALL"
        );
        for number in 1..=5 {
            let state = types::OperationState::try_from(number).unwrap();
            assert!(
                Filter::asked(types::OperationKind::Unspecified, state)
                    .state
                    .is_some(),
                "{state:?}"
            );
        }
    }
}
