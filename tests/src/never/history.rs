//! The history of a round: statements and observations, each with the instants before and after the call.

use std::collections::BTreeSet;

/// Microseconds since the round began.
pub type Moment = u64;

/// Facts that feeds report, limited to those whose colour is known without evaluating a rule set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    Case,
    /// A cured case, as a correction of `Case`.
    CaseDischarged,
    Contact,
    FeverClinic,
    Symptoms,
    Entry,
    /// A correction of `Entry`.
    EntryAfterQuarantine,
    NegativeTest,
}

/// What a statement states; other statements are referred to by their index in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    Application,
    Fact(Fact),
    Correction(usize, Fact),
    Retraction(usize),
}

impl Stated {
    /// The statement that it retracts or corrects.
    pub const fn target(self) -> Option<usize> {
        match self {
            Self::Correction(target, _) | Self::Retraction(target) => Some(target),
            Self::Application | Self::Fact(_) => None,
        }
    }

    pub const fn fact(self) -> Option<Fact> {
        match self {
            Self::Fact(fact) | Self::Correction(_, fact) => Some(fact),
            Self::Application | Self::Retraction(_) => None,
        }
    }

    pub fn is_open_case(self) -> bool {
        self.fact() == Some(Fact::Case)
    }
}

/// The outcome of sending a statement once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    InForce,
    /// Acknowledged, not yet in force.
    Pending,
    /// Stored but not acknowledged: a case whose colour is not in force.
    Recorded,
    /// No answer: the outcome is unknown.
    Unanswered,
    /// A valid statement was refused, with this reason.
    Refused(String),
    /// An acknowledged statement does not exist.
    Missing,
}

impl Outcome {
    pub const fn is_stored(&self) -> bool {
        matches!(self, Self::InForce | Self::Pending | Self::Recorded)
    }

    pub const fn is_acknowledged(&self) -> bool {
        matches!(self, Self::InForce | Self::Pending)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub asked: Moment,
    pub answered: Moment,
    pub outcome: Outcome,
}

/// A statement about one person, and all answers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub person: usize,
    pub said: Stated,
    /// When it was first sent; `None` if it was not.
    pub sent: Option<Moment>,
    pub answers: Vec<Answer>,
}

/// A colour as observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// No code.
    None,
    Green,
    Yellow,
    Red,
}

impl Colour {
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim_start_matches("COLOUR_") {
            "GREEN" => Some(Self::Green),
            "YELLOW" => Some(Self::Yellow),
            "RED" => Some(Self::Red),
            _ => None,
        }
    }
}

/// How a colour was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observer {
    /// By showing the code; with the version of the decision, 0 if there is no code.
    Shown(i64),
    /// By verifying a token online.
    Verified,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub person: usize,
    pub how: Observer,
    pub begun: Moment,
    pub ended: Moment,
    pub colour: Colour,
}

/// The history of a round.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub statements: Vec<Statement>,
    pub seen: Vec<Observation>,
    /// When all services were ready and connected again.
    pub healed: Option<Moment>,
    /// When the last statement was sent: later observations show the final state.
    pub closed: Option<Moment>,
}

impl History {
    pub fn people(&self) -> BTreeSet<usize> {
        self.statements.iter().map(|one| one.person).collect()
    }

    /// Indices of the statements about a person.
    pub fn about(&self, person: usize) -> Vec<usize> {
        let all = self.statements.iter().enumerate();
        all.filter(|(_, one)| one.person == person)
            .map(|(n, _)| n)
            .collect()
    }
}
