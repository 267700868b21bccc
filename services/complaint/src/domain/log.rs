//! The log of a case: who did what, when and why. Append-only.

use lutong_kernel::{DivisionCode, Secret, Timestamp};

use super::accountability::voices::Finding;
use super::appeal::Verdict;
use super::clocks::{ClockKind, LATE_AFTER_SECONDS};
use super::machine::{Action, State};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Filed,
    Action(Action),
    /// A file was added.
    Attached,
    /// A clock warned: the yellow card.
    Warned,
    /// A clock is overdue: the red card.
    Overdue,
    /// Still overdue.
    Escalated,
    /// The source of a fact says that it is so.
    SourceConfirmed,
    /// The source of a fact has taken it back.
    SourceCorrected,
    /// The source of a fact has not answered in time.
    SourceExpired,
    /// Relief is in force while the source is late.
    ReliefGiven,
    /// Relief is over.
    ReliefEnded,
    /// The files of a closed case were deleted, as their time was over.
    FilesDeleted,
}

impl Happening {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filed => "file",
            Self::Action(action) => action.into_str(),
            Self::Attached => "attach",
            Self::Warned => "warn",
            Self::Overdue => "overdue",
            Self::Escalated => "escalate",
            Self::SourceConfirmed => "source_confirm",
            Self::SourceCorrected => "source_correct",
            Self::SourceExpired => "source_expire",
            Self::ReliefGiven => "relief_give",
            Self::ReliefEnded => "relief_end",
            Self::FilesDeleted => "delete_files",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "file" => Some(Self::Filed),
            "attach" => Some(Self::Attached),
            "warn" => Some(Self::Warned),
            "overdue" => Some(Self::Overdue),
            "escalate" => Some(Self::Escalated),
            "source_confirm" => Some(Self::SourceConfirmed),
            "source_correct" => Some(Self::SourceCorrected),
            "source_expire" => Some(Self::SourceExpired),
            "relief_give" => Some(Self::ReliefGiven),
            "relief_end" => Some(Self::ReliefEnded),
            "delete_files" => Some(Self::FilesDeleted),
            action => action.parse().ok().map(Self::Action),
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Filer,
    Clock,
    /// An account.
    Staff(String),
    /// A feed, by its name.
    Source(String),
}

const STAFF: &str = "staff:";
const SOURCE: &str = "source:";

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Filer => f.write_str("filer"),
            Self::Clock => f.write_str("clock"),
            Self::Staff(account) => write!(f, "{STAFF}{account}"),
            Self::Source(name) => write!(f, "{SOURCE}{name}"),
        }
    }
}

impl Actor {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "filer" => Some(Self::Filer),
            "clock" => Some(Self::Clock),
            other => match other.strip_prefix(SOURCE) {
                Some(name) => Some(Self::Source(name.to_owned())),
                None => Some(Self::Staff(other.strip_prefix(STAFF)?.to_owned())),
            },
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    pub happening: Happening,
    pub at: Timestamp,
    pub actor: Actor,
    /// Absent of the first.
    pub from: Option<State>,
    pub to: State,
    pub text: Option<Secret<String>>,
    /// The division to which the case was given or raised.
    pub division: Option<DivisionCode>,
    /// The clock that fired, and when it was to.
    pub clock: Option<(ClockKind, Timestamp)>,
    /// How an appeal was decided; kept with a decision.
    pub verdict: Option<Verdict>,
    /// What was found of a place; kept with an answer.
    pub finding: Option<Finding>,
    /// Whether the text was for the filer to read.
    pub is_shown: bool,
}

impl LogEntry {
    /// Whether a clock fired later than it was to, because nothing looked at it in time.
    pub fn is_late(&self) -> bool {
        self.clock
            .is_some_and(|(_, planned)| planned.plus_seconds(LATE_AFTER_SECONDS) < self.at)
    }
}
