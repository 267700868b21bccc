//! Decisions, and the canonical form of their content.

use lutong_kernel::{Colour, DecisionId, FactId, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::history::domain::Entry;

/// What a citation of interim relief names in place of a rule. No rule of a set is called so: ids of rules begin with their colour.
pub const RELIEF: &str = "relief";

/// A cited rule: its id, the ids of its facts and its period in microseconds. This form is stored and chained. Relief stands behind the
/// rules in the same form, under the name [`RELIEF`]; a decision without relief is what it was before there was any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    pub rule: String,
    pub facts: Vec<FactId>,
    pub from: i64,
    pub until: Option<i64>,
}

/// The content of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionContent {
    pub colour: Colour,
    pub citations: Vec<Citation>,
    pub rule_set: String,
    pub rule_set_version: String,
    /// The instant for which it was decided; everything recorded by this instant was known.
    pub evaluated_at: Timestamp,
    pub next_change_at: Option<Timestamp>,
}

/// A decision about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub id: DecisionId,
    pub subject: SubjectId,
    pub version: i64,
    pub content: DecisionContent,
    /// The entry of the chain.
    pub entry: Entry,
}

impl Citation {
    pub fn is_relief(&self) -> bool {
        self.rule == RELIEF
    }
}

impl DecisionContent {
    pub fn citations_json(&self) -> String {
        // Plain data; serialising it cannot fail.
        serde_json::to_string(&self.citations).unwrap_or_default()
    }

    /// A hash of the citations, which shows whether they have changed without reading the decision.
    pub fn cited(&self) -> i64 {
        if self.citations.is_empty() {
            return 0;
        }
        let digest = Sha256::digest(self.citations_json().as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        i64::from_le_bytes(first)
    }

    /// The canonical form: the entry of the chain is computed over it, and a replay compares it.
    pub fn canonical(&self, subject: SubjectId, version: i64) -> Vec<u8> {
        let text = format!(
            "{subject}\n{version}\n{}\n{}\n{}\n{}\n{:?}\n{}",
            self.colour,
            self.rule_set,
            self.rule_set_version,
            self.evaluated_at.micros(),
            self.next_change_at.map(Timestamp::micros),
            self.citations_json(),
        );
        text.into_bytes()
    }
}

impl Decision {
    pub fn canonical(&self) -> Vec<u8> {
        self.content.canonical(self.subject, self.version)
    }
}
