//! Work that goes on by itself, also after a restart: what it does, how far it is, how it ended. A service that has such work has
//! the table [`store`], answers for it through [`Operations`], and works at it in a way of its own.

mod reading;
mod rpc;
pub mod store;
mod wire;

use lutong_kernel::{DecisionId, Random, Timestamp};
use uuid::Uuid;

pub use reading::{Operations, Sight, parse_name, parse_reference};
pub use store::Filter;

/// The step of the table, for a service that has such work.
pub const STEP: lutong_storage::Step = lutong_storage::step!("operations_0001");

/// Days that an operation is kept after its end.
pub const KEPT_DAYS: i64 = 30;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    BringIntoForce,
    Recompare,
    PreviewRuleSet,
    RollBack,
    VerifyHistory,
    Pull,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::BringIntoForce,
        Self::Recompare,
        Self::PreviewRuleSet,
        Self::RollBack,
        Self::VerifyHistory,
        Self::Pull,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BringIntoForce => "bring-into-force",
            Self::Recompare => "recompare",
            Self::PreviewRuleSet => "preview-rule-set",
            Self::RollBack => "roll-back",
            Self::VerifyHistory => "verify-history",
            Self::Pull => "pull",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Whether one that runs may be ended before it is done. Decisions must come into force, a rollback is not left half done,
    /// and what a database has answered is stored before its cursor moves.
    const fn can_be_interrupted(self) -> bool {
        matches!(self, Self::Recompare | Self::PreviewRuleSet | Self::VerifyHistory)
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl State {
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];
    /// Those of an operation that goes on.
    pub const OPEN: [Self; 2] = [Self::Queued, Self::Running];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
}

/// An operation as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: Uuid,
    pub kind: Kind,
    pub state: State,
    /// The name of the resource that it works on or made; empty where there is none.
    pub target: String,
    /// The account that began it; empty where the service did.
    pub account: String,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub done: i64,
    pub total: Option<i64>,
    /// Why it failed; `None` unless it did.
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

/// How an operation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Succeeded,
    Failed(Failure),
    Cancelled,
}

impl Ended {
    pub const fn state(&self) -> State {
        match self {
            Self::Succeeded => State::Succeeded,
            Self::Failed(_) => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
}

impl Operation {
    /// One that runs from `now` on. Its id is of version 7: operations are ordered by their ids.
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

    /// Whether it may be ended before it is done: whatever nobody has begun, and what may be interrupted.
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
    fn words_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            assert_eq!(state.is_open(), state == State::Queued || state == State::Running);
        }
    }
}
