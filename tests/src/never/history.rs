//! What was said and seen in a round, each with the instants before and after it.

use std::collections::BTreeSet;

/// Microseconds since the round began.
pub type Moment = u64;

/// A fact that a feed reports, of those whose colour is known without evaluating a rule set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    Case,
    /// A confirmed case that was cured: a correction of `Case`.
    CaseDischarged,
    Contact,
    FeverClinic,
    Symptoms,
    Entry,
    /// A correction of `Entry`.
    EntryAfterQuarantine,
    NegativeTest,
}

/// A statement; others of the same history are named by their place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Application,
    Fact(Fact),
    Correction(usize, Fact),
    Retraction(usize),
}

impl Said {
    /// The statement that it takes back or replaces.
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

/// What became of one sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    InForce,
    /// Acknowledged and on its way.
    Pending,
    /// Stored, and not acknowledged: a case whose colour is not in force.
    Recorded,
    /// Nobody knows.
    Unanswered,
    /// What was right was refused, for this reason.
    Refused(String),
    /// What was acknowledged is not there.
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

/// A statement about one person, and every answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub person: usize,
    pub said: Said,
    /// When it was first sent; `None` when it was not.
    pub sent: Option<Moment>,
    pub answers: Vec<Answer>,
}

/// A colour as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// There is no code.
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

/// How a colour was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A token was issued, of this version of the decision; 0 where there is no code.
    Shown(i64),
    /// A token was verified online.
    Verified,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub person: usize,
    pub how: How,
    pub begun: Moment,
    pub ended: Moment,
    pub colour: Colour,
}

/// A round.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub statements: Vec<Statement>,
    pub seen: Vec<Seen>,
    /// From when on all parts were ready and reached each other.
    pub healed: Option<Moment>,
    /// From when on nothing more was said: what is seen from here on is the end.
    pub closed: Option<Moment>,
}

impl History {
    pub fn people(&self) -> BTreeSet<usize> {
        self.statements.iter().map(|one| one.person).collect()
    }

    /// Places of the statements about a person.
    pub fn about(&self, person: usize) -> Vec<usize> {
        let all = self.statements.iter().enumerate();
        all.filter(|(_, one)| one.person == person)
            .map(|(n, _)| n)
            .collect()
    }
}
