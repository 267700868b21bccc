//! Facts: what is known about somebody, since when, and until when it was believed.

use std::fmt;
use std::str::FromStr;

use lutong_kernel::{FactId, Timestamp};

use super::attributes::Attributes;

/// Kinds of facts (DOMAIN 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// Confirmed, suspected or asymptomatic.
    Case,
    CloseContact,
    FeverClinicVisit,
    Symptoms,
    DatabaseAnomaly,
    /// Was in a place.
    Stay,
    /// Entered from abroad.
    Entry,
    Test,
    /// By two officers, with a legal basis and an end.
    Designation,
    /// A converted code of another province.
    PartnerCode,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no fact kind {0:?}: a kind is one of case, close_contact, fever_clinic_visit, symptoms, database_anomaly, stay, entry, test, designation, partner_code"
)]
pub struct UnknownKind(pub String);

impl FactKind {
    pub const ALL: [Self; 10] = [
        Self::Case,
        Self::CloseContact,
        Self::FeverClinicVisit,
        Self::Symptoms,
        Self::DatabaseAnomaly,
        Self::Stay,
        Self::Entry,
        Self::Test,
        Self::Designation,
        Self::PartnerCode,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::CloseContact => "close_contact",
            Self::FeverClinicVisit => "fever_clinic_visit",
            Self::Symptoms => "symptoms",
            Self::DatabaseAnomaly => "database_anomaly",
            Self::Stay => "stay",
            Self::Entry => "entry",
            Self::Test => "test",
            Self::Designation => "designation",
            Self::PartnerCode => "partner_code",
        }
    }
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FactKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.chars().take(40).collect()))
    }
}

/// One stored statement. Its valid time lies in its attributes; the two instants here are those of knowledge.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub id: FactId,
    pub source: String,
    pub recorded_at: Timestamp,
    /// When its correction or retraction was recorded.
    pub superseded_at: Option<Timestamp>,
    pub attributes: Attributes,
}

impl Fact {
    /// Recorded at T is known at T; what replaced it at T is too.
    pub fn is_known_at(&self, known_at: Timestamp) -> bool {
        self.recorded_at <= known_at && self.superseded_at.is_none_or(|at| at > known_at)
    }

    pub fn kind(&self) -> FactKind {
        self.attributes.kind()
    }
}
