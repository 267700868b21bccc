//! The states of a case, and what may be done in each. The contract says the same with its transitions.

use super::content::Kind;

/// How a case stands. The names are those of the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Filed,
    Assigned,
    TakenUp,
    Waiting,
    Answered,
    Returned,
    Reopened,
    Merged,
    Closed,
}

/// What somebody does with a case, stored in snake case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Action {
    Assign,
    TakeUp,
    Ask,
    Reply,
    Answer,
    Return,
    Extend,
    Reopen,
    Merge,
    Revisit,
    Close,
    AskSource,
    Decide,
}

/// Nobody has answered, and the case is not over.
const OPEN: &[State] = &[
    State::Filed,
    State::Assigned,
    State::TakenUp,
    State::Waiting,
    State::Returned,
    State::Reopened,
];

impl State {
    pub const fn open() -> &'static [Self] {
        OPEN
    }

    pub fn is_open(self) -> bool {
        OPEN.contains(&self)
    }
}

impl Action {
    /// The states in which it is possible.
    pub const fn from(self) -> &'static [State] {
        use State::{Answered, Assigned, Closed, Filed, Reopened, TakenUp, Waiting};
        match self {
            Self::Assign | Self::Merge => OPEN,
            Self::TakeUp => &[Filed, Assigned, Waiting, Reopened],
            Self::Ask => &[TakenUp],
            Self::Reply => &[Waiting],
            Self::Answer | Self::Extend | Self::AskSource | Self::Decide => &[TakenUp, Waiting],
            Self::Return => &[Assigned, TakenUp],
            Self::Reopen => &[Answered, Closed],
            Self::Revisit | Self::Close => &[Answered],
        }
    }

    /// Whether it is done with cases of a kind: an appeal is decided, and everything else is answered.
    pub const fn is_of(self, kind: Kind) -> bool {
        match self {
            Self::Answer => !matches!(kind, Kind::Appeal),
            Self::AskSource | Self::Decide => matches!(kind, Kind::Appeal),
            _ => true,
        }
    }

    pub fn is_possible(self, state: State) -> bool {
        self.from().contains(&state)
    }
}
