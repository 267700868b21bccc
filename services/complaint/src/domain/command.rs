//! What somebody does with a case, and why it is not possible.

use lutong_kernel::{DivisionCode, Timestamp};

use super::appeal::Outcome;
use super::machine::{Action, State};
use super::tracking::TrackingNumber;

/// For whom a case waits, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum WaitingFor {
    Filer,
    Authority,
    OtherProvince,
}

/// What the filer said when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisit {
    pub contacted: bool,
    pub solved: bool,
    pub satisfied: bool,
}

/// An action with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Assign {
        division: DivisionCode,
        assignee: Option<String>,
    },
    /// By an account.
    TakeUp(String),
    Ask(WaitingFor),
    Reply,
    Answer,
    Return,
    /// By working days.
    Extend(u32),
    Reopen,
    /// Into a case that was checked with [`super::case::check_merge`].
    Merge(TrackingNumber),
    Revisit(Revisit),
    Close,
    /// The source of a fact of an appeal.
    AskSource,
    /// An appeal whose facts were checked with [`super::appeal::check`].
    Decide(Outcome),
}

impl Command {
    pub const fn action(&self) -> Action {
        match self {
            Self::Assign { .. } => Action::Assign,
            Self::TakeUp(_) => Action::TakeUp,
            Self::Ask(_) => Action::Ask,
            Self::Reply => Action::Reply,
            Self::Answer => Action::Answer,
            Self::Return => Action::Return,
            Self::Extend(_) => Action::Extend,
            Self::Reopen => Action::Reopen,
            Self::Merge(_) => Action::Merge,
            Self::Revisit(_) => Action::Revisit,
            Self::Close => Action::Close,
            Self::AskSource => Action::AskSource,
            Self::Decide(_) => Action::Decide,
        }
    }
}

/// Why an action is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    WrongState(State, Action),
    /// It waits, and not for the filer.
    NotAsked,
    /// Returns were possible until then.
    ReturnTooLate(Timestamp),
    /// This many working days are left to extend by.
    Extension(u32),
    Merge,
    /// It was reopened as often as its kind may be.
    ReopenedTooOften(u32),
    /// A refused appeal has been before the next instance, or there is none.
    NoNextInstance,
    /// An appeal is decided, and not answered.
    AppealToDecide,
    /// Only appeals are decided.
    NotAnAppeal,
}
