//! The rule set as its authors write it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RuleSetError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub id: String,
    pub version: String,
    pub effective_from: String,
    pub legal_basis: String,
    pub guidance: BTreeMap<String, Words>,
    #[serde(rename = "rule")]
    pub rules: Vec<RuleEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    pub id: String,
    pub colour: String,
    pub reason: Words,
    pub legal_basis: String,
    /// The kind of fact that is selected.
    pub fact: String,
    #[serde(default)]
    pub all: Vec<ConditionEntry>,
    #[serde(default)]
    pub any: Vec<ConditionEntry>,
    pub window: WindowEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionEntry {
    pub attribute: String,
    pub is: Option<String>,
    pub contains: Option<Vec<String>>,
    pub at_least: Option<f64>,
}

#[derive(Debug, Deserialize)]
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

#[derive(Debug, Deserialize)]
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

pub fn read(text: &str) -> Result<File, RuleSetError> {
    toml::from_str(text).map_err(|error| RuleSetError::Unreadable(error.to_string()))
}
