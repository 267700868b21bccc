//! Records of a partner about a person, and whether they are about the person that was asked about. Pure.

mod names;
mod policy;
#[cfg(test)]
mod tests;

use lutong_kernel::Timestamp;
use lutong_token::Issuer;

use crate::colour_maps::domain::RecognitionOutcome;

pub use names::is_same_name;
pub use policy::{RecordPolicies, RecordPolicy, RecordPolicyError, Verdict};

/// What one place holds about a person. A query answers with several: each province, sometimes each city, that knows the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthRecord {
    /// Whose code system holds it.
    pub province: Issuer,
    /// The city that issued it, as the partner writes it; empty where it does not say.
    pub city: String,
    /// The kind of code, as the partner writes it; empty where it does not say.
    pub kind: String,
    /// Why it is not green, as the partner writes it. About a person's health: never logged, never stored here.
    pub reason: String,
    pub first_issued: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// What its colour field was read as, by the map of the partner's interface.
    pub value: RecognitionOutcome,
}
