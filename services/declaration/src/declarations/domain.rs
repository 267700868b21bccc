//! A declaration: an application or an arrival that was acknowledged.

pub mod contact_history;
pub mod statement;

use lutong_kernel::{ApplicationId, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};

use self::statement::Statement;

/// The kinds of declarations, as stored: `application`, `arrival`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum DeclarationKind {
    Application,
    Arrival,
}

impl DeclarationKind {
    /// The collection in a resource name.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Arrival => "arrivals",
        }
    }
}

/// The provenance of a converted code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub province: String,
    pub key_id: String,
    pub trust_list_version: String,
    pub verified_at: i64,
    /// The key of the `partner_code` statement made of the code.
    pub statement_key: String,
}

/// A declaration as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    pub id: ApplicationId,
    pub subject: SubjectId,
    pub kind: DeclarationKind,
    /// Keyed hash of the account that made it.
    pub account: [u8; 32],
    pub created_at: Timestamp,
    pub commitment_version: String,
    pub statements: Vec<Statement>,
    /// Names of the contract, blank-separated.
    pub normalisations: String,
    /// Days abroad, blank-separated.
    pub abroad_days: String,
    pub provenance: Option<Provenance>,
    pub in_force_at: Option<Timestamp>,
}

impl Declaration {
    /// The resource name: `applications/{application}` or `arrivals/{arrival}`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.kind.collection(), self.id)
    }
}
