//! Decision case files (`lutong-decision-cases/1`): facts, an instant and the colour that is expected. A file is accepted or
//! rejected as a whole; the error names the case, the field and the reason.

// "Not compared", "never" and "at an instant" are three different expectations.
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

/// A parsed file and the rule set that it names.
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
    expected: Vec<Expectation>,
}

/// What a case expects at one instant. Fields that the file omits are not compared.
#[derive(Debug)]
struct Expectation {
    at: Timestamp,
    known_at: Timestamp,
    colour: Colour,
    /// Sorted by id.
    rules: Option<Vec<String>>,
    next_change_at: Option<Option<Timestamp>>,
}

/// Why a file is rejected.
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

/// The result of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseOutcome {
    pub name: String,
    /// One text for each failed expectation: the instant, the expected and the actual value. Empty: the case passed.
    pub failures: Vec<String>,
}

impl<'a> CaseFile<'a> {
    /// Parses a file that names a bundled rule set.
    pub fn parse(text: &str) -> Result<Self, CaseFileError> {
        read::read(text, &RuleSet::bundled())
    }

    /// Parses a file that names `given` or a bundled rule set. If both have the same id, `given` is used.
    pub fn parse_with(text: &str, given: &'a RuleSet) -> Result<Self, CaseFileError> {
        let [first, second] = RuleSet::bundled();
        read::read(text, &[given, first, second])
    }

    /// Parses a file that names `given`; any other rule set is an error.
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
    fn check(&self, set: &RuleSet, expected: &Expectation) -> Option<String> {
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
