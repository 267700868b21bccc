//! Decision case files (`lutong-decision-cases/1`): "these facts, this instant, this colour". Read whole or refused
//! whole, naming the case, the field and why.

// Left out, never and an instant are three things here.
#![allow(clippy::option_option)]

mod read;
mod wire;

#[cfg(test)]
mod tests;

use lutong_kernel::{Colour, Timestamp};

use super::area::AreaBook;
use super::evaluate::evaluate;
use super::fact::Fact;
use super::rule_set::RuleSet;

/// A file that was read, and the rule set that it names.
#[derive(Debug)]
pub struct CaseFile<'a> {
    rules: &'a RuleSet,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    areas: AreaBook,
    facts: Vec<Fact>,
    expected: Vec<Expected>,
}

/// What is given is compared, what is left out is not.
#[derive(Debug)]
struct Expected {
    at: Timestamp,
    known_at: Timestamp,
    colour: Colour,
    /// Sorted.
    rules: Option<Vec<String>>,
    next_change_at: Option<Option<Timestamp>>,
}

/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseFileError {
    #[error("the file: {field}: {reason}")]
    File { field: String, reason: String },
    #[error("case {case:?}: {field}: {reason}")]
    Case {
        case: String,
        field: String,
        reason: String,
    },
}

/// What became of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOutcome {
    pub name: String,
    /// One a failed expectation: the instant, what was expected, what came out. Empty: passed.
    pub failures: Vec<String>,
}

impl<'a> CaseFile<'a> {
    /// Reads a file that names a rule set of this build.
    pub fn parse(text: &str) -> Result<Self, CaseFileError> {
        read::read(text, &RuleSet::bundled())
    }

    /// Reads a file that names `given` or a rule set of this build; of two of one id `given` is meant.
    pub fn parse_with(text: &str, given: &'a RuleSet) -> Result<Self, CaseFileError> {
        let [first, second] = RuleSet::bundled();
        read::read(text, &[given, first, second])
    }

    /// Reads a file that names `given` and no other.
    pub fn parse_for(text: &str, given: &'a RuleSet) -> Result<Self, CaseFileError> {
        read::read(text, &[given])
    }

    pub const fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The rule set that the file names.
    pub const fn rule_set(&self) -> &'a RuleSet {
        self.rules
    }

    /// Runs every case.
    pub fn run(&self) -> Vec<CaseOutcome> {
        let outcome = |case: &Case| CaseOutcome {
            name: case.name.clone(),
            failures: case
                .expected
                .iter()
                .filter_map(|expected| case.check(self.rules, expected))
                .collect(),
        };
        self.cases.iter().map(outcome).collect()
    }
}

impl Case {
    fn check(&self, set: &RuleSet, expected: &Expected) -> Option<String> {
        let out = evaluate(set, &self.facts, &self.areas, expected.at, expected.known_at);
        let rule_id = |index| set.rule(index).map(|rule| rule.id.clone()).unwrap_or_default();
        let mut rules: Vec<String> = out
            .citations
            .iter()
            .map(|citation| rule_id(citation.rule))
            .collect();
        rules.sort_unstable();
        let mut wrong = Vec::new();
        if out.colour != expected.colour {
            wrong.push(format!(
                "colour: expected {}, got {}",
                expected.colour, out.colour
            ));
        }
        if let Some(wanted) = &expected.rules
            && *wanted != rules
        {
            wrong.push(format!(
                "rules: expected [{}], got [{}]",
                wanted.join(", "),
                rules.join(", ")
            ));
        }
        if let Some(wanted) = expected.next_change_at
            && wanted != out.next_change_at
        {
            let say = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            wrong.push(format!(
                "next_change_at: expected {}, got {}",
                say(wanted),
                say(out.next_change_at)
            ));
        }
        let known = if expected.known_at == expected.at {
            String::new()
        } else {
            format!(" as known at {}", expected.known_at)
        };
        (!wrong.is_empty()).then(|| format!("at {}{known}: {}", expected.at, wrong.join("; ")))
    }
}
