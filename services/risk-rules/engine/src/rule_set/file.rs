//! The structure of a rule set document.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RuleSetError;

/// Maximum size of a document in bytes, thirty times that of the province's rule set.
pub const MAX_DOCUMENT: usize = 256 * 1024;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub id: String,
    pub version: String,
    pub effective_from: String,
    /// An omitted text is parsed as an empty one, and empty texts are rejected later, so that a check can report all of them.
    #[serde(default)]
    pub legal_basis: String,
    pub guidance: BTreeMap<String, Words>,
    #[serde(rename = "rule")]
    pub rules: Vec<RuleEntry>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    pub id: String,
    pub colour: String,
    #[serde(default)]
    pub reason: Words,
    #[serde(default)]
    pub legal_basis: String,
    /// The kind of fact that the rule selects.
    pub fact: String,
    #[serde(default)]
    pub all: Vec<ConditionEntry>,
    #[serde(default)]
    pub any: Vec<ConditionEntry>,
    pub window: WindowEntry,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionEntry {
    pub attribute: String,
    pub is: Option<String>,
    pub contains: Option<Vec<String>>,
    pub at_least: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct WindowEntry {
    pub from: Vec<String>,
    pub until: Vec<String>,
    /// Number of days after `anchor`, used if no `until` is present.
    pub days: Option<i32>,
    pub anchor: Option<String>,
    /// `calendar` (the default) or `elapsed`.
    pub count: Option<String>,
    pub until_all: Vec<EndEntry>,
    /// The risk level: the window of a stay in an area of this level.
    pub area: Option<String>,
    pub look_back_days: Option<i32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndEntry {
    /// Either an attribute of the same fact …
    pub attribute: Option<String>,
    /// … or another fact: its kind, the attribute with its instant, and the condition that it must satisfy.
    pub fact: Option<String>,
    pub at: Option<String>,
    #[serde(rename = "where")]
    pub condition: Option<ConditionEntry>,
}

/// Parses a document. Documents that are too large are rejected before parsing; the parser rejects a nesting of more than 80 levels.
pub fn read(text: &str) -> Result<File, RuleSetError> {
    if text.len() > MAX_DOCUMENT {
        return Err(RuleSetError::TooLarge { bytes: text.len() });
    }
    toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        RuleSetError::Unreadable {
            line,
            column,
            reason: error.message().to_owned(),
        }
    })
}

/// Line and column of a byte offset, both counted from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}
