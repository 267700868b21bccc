//! A statement for risk-rules: source, key, kind, attributes.

use lutong_kernel::ApplicationId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What people say about themselves.
pub const SELF: &str = "self";
/// What federation verified.
pub const FEDERATION: &str = "federation";

/// One fact stated with a declaration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    pub source: String,
    /// Within the source.
    pub key: String,
    pub kind: String,
    pub attributes: Map<String, Value>,
    /// The key of the statement that it replaces.
    pub replaces: Option<String>,
}

/// The key of the n-th statement of a declaration.
pub fn key(declaration: ApplicationId, part: impl std::fmt::Display) -> String {
    format!("{declaration}/{part}")
}
