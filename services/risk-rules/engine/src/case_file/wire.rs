//! The JSON structure of the format.

// "Not compared", "never" and "at an instant" are three different expectations.
#![allow(clippy::option_option)]

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub format: String,
    pub rule_set: String,
    pub cases: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub risk_areas: Vec<Area>,
    pub facts: Vec<Fact>,
    #[serde(default)]
    pub retractions: Vec<Retraction>,
    pub expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    pub code: String,
    pub community: Option<String>,
    pub level: String,
    pub from: String,
    pub to: Option<String>,
    pub recorded_at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    pub id: String,
    pub kind: String,
    #[serde(default)]
    pub source: String,
    pub recorded_at: String,
    pub replaces: Option<String>,
    pub attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retraction {
    pub fact: String,
    pub recorded_at: String,
    /// Required by the format for human readers; not evaluated.
    #[serde(rename = "reason")]
    pub _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub at: String,
    pub as_known_at: Option<String>,
    pub colour: String,
    pub rules: Option<Vec<String>>,
    /// `null`: never. Omitted: not compared.
    #[serde(default, deserialize_with = "given")]
    pub next_change_at: Option<Option<String>>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
