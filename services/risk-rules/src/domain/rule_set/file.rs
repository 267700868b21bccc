//! The rule set as its authors write it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RuleSetError;

/// Bytes of a document: thirty times the province's.
pub const MAX_DOCUMENT: usize = 256 * 1024;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub id: String,
    pub version: String,
    pub effective_from: String,
    /// Left out reads as blank, and blank is refused: so a check can name every one that is missing.
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
    /// The kind of fact that is selected.
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
    /// Days after `anchor` when no `until` is known.
    pub days: Option<i32>,
    pub anchor: Option<String>,
    /// `calendar` (the default) or `elapsed`.
    pub count: Option<String>,
    pub until_all: Vec<EndEntry>,
    /// A stay in an area of this level.
    pub area: Option<String>,
    pub look_back_days: Option<i32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndEntry {
    /// An attribute of the same fact,
    pub attribute: Option<String>,
    /// or another fact: its kind, the attribute that tells when, and what must hold of it.
    pub fact: Option<String>,
    pub at: Option<String>,
    #[serde(rename = "where")]
    pub condition: Option<ConditionEntry>,
}

/// Refuses what is too large before reading it. The reader itself refuses what is nested deeper than 80 levels.
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

/// Line and column of a byte, from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}
