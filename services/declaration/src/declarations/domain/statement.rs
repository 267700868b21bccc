//! A statement for risk-rules: source, key, kind, attributes.

use lutong_kernel::ApplicationId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The source of statements of people about themselves.
pub const SELF: &str = "self";
/// The source of statements that federation verified.
pub const FEDERATION: &str = "federation";

/// A fact that a declaration states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    pub source: String,
    /// Unique within the source.
    pub key: String,
    pub kind: String,
    pub attributes: Map<String, Value>,
    /// The key of the statement that this one replaces.
    pub replaces: Option<String>,
    /// The key of the statement that this one takes back; it then has no attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retracts: Option<String>,
}

impl Statement {
    /// Whether both say the same, under whatever keys.
    pub fn states_the_same(&self, other: &Self) -> bool {
        self.retracts.is_none()
            && other.retracts.is_none()
            && (&self.source, &self.kind, &self.attributes) == (&other.source, &other.kind, &other.attributes)
    }
}

/// The key of the n-th statement of a declaration.
pub fn key(declaration: ApplicationId, part: impl std::fmt::Display) -> String {
    format!("{declaration}/{part}")
}
