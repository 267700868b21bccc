//! Facts about a subject, with the period in which they were known.

use lutong_kernel::{FactId, Timestamp};
pub use lutong_proto::facts::{FactKind, UnknownKind};

use super::attributes::Attributes;

/// One stored statement. Valid time is part of the attributes; the two instants here are the times of knowledge.
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
    /// Whether the fact was recorded and not yet superseded at an instant. A fact recorded at T is known at T; one superseded at T is
    /// not.
    pub fn is_known_at(&self, known_at: Timestamp) -> bool {
        self.recorded_at <= known_at && self.superseded_at.is_none_or(|at| at > known_at)
    }

    pub fn kind(&self) -> FactKind {
        self.attributes.kind()
    }
}
