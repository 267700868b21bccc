//! Long-running operations that resume after a restart: kind, progress and outcome. A service with such work has the
//! table [`store`], serves it through [`Operations`], and runs the work itself.

mod reading;
mod rpc;
pub mod store;
mod wire;

use lutong_kernel::{DecisionId, Random, Timestamp};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

pub use reading::{Operations, Visibility, parse_name, parse_reference};
pub use store::Filter;

/// The migration step of the table, for services with long-running operations.
pub const STEP: lutong_storage::Step = lutong_storage::step!("operations_0001");

/// Days for which an ended operation is kept.
pub const KEPT_DAYS: i64 = 30;

/// What an operation does. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Kind {
    BringIntoForce,
    Recompare,
    PreviewRuleSet,
    RollBack,
    VerifyHistory,
    Pull,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether a running operation of this kind may be interrupted. Decisions must come into force, a rollback must not
    /// stop half-way, and pulled rows are stored before the cursor moves.
    const fn can_be_interrupted(self) -> bool {
        matches!(self, Self::Recompare | Self::PreviewRuleSet | Self::VerifyHistory)
    }
}

/// How far an operation is. The text form is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "UPPERCASE", const_into_str)]
pub enum State {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl State {
    /// Those of an operation that goes on.
    pub const OPEN: [Self; 2] = [Self::Queued, Self::Running];

    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
}

/// The current state of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: Uuid,
    pub kind: Kind,
    pub state: State,
    /// The name of the resource that it works on or created; empty if there is none.
    pub target: String,
    /// The account that started it; empty if the service did.
    pub account: String,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub done: i64,
    pub total: Option<i64>,
    /// Why it failed; `None` otherwise.
    pub failure: Option<Failure>,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable, `UPPER_SNAKE`.
    pub reason: String,
    pub zh: String,
    pub en: String,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed(Failure),
    Cancelled,
}

impl Outcome {
    pub const fn state(&self) -> State {
        match self {
            Self::Succeeded => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
}

impl Operation {
    /// A running operation that starts at `now`. Its id is a UUIDv7, so operations are ordered by id.
    pub fn begin(kind: Kind, account: &str, target: String, (now, random): (Timestamp, &dyn Random)) -> Self {
        Self {
            id: DecisionId::new(now, random).uuid(),
            kind,
            state: State::Running,
            target,
            account: account.to_owned(),
            created_at: now,
            finished_at: None,
            done: 0,
            total: None,
            failure: None,
        }
    }

    /// Whether it may be cancelled: it is still queued, or its kind can be interrupted.
    pub fn can_be_cancelled(&self) -> bool {
        self.state == State::Queued || self.kind.can_be_interrupted()
    }

    /// `operations/{operation}`.
    pub fn name(&self) -> String {
        name(self.id)
    }
}

/// `operations/{operation}`.
pub fn name(id: Uuid) -> String {
    format!("operations/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_states_are_stored_by_names_that_never_change() {
        let kinds: Vec<_> = Kind::VARIANTS.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "bring-into-force",
                "recompare",
                "preview-rule-set",
                "roll-back",
                "verify-history",
                "pull"
            ]
        );
        for kind in Kind::VARIANTS {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let states: Vec<_> = State::VARIANTS.iter().map(|state| state.as_str()).collect();
        assert_eq!(states, ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]);
        for state in State::VARIANTS {
            assert_eq!(state.as_str().parse(), Ok(*state));
            assert_eq!(state.is_open(), [State::Queued, State::Running].contains(state));
        }
    }
}
