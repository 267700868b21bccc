//! Facts: what is known about somebody, since when, and until when it was believed.

use lutong_kernel::{FactId, Timestamp};
pub use lutong_proto::facts::{FactKind, UnknownKind};

use super::attributes::Attributes;

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
