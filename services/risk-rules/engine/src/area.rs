//! Risk areas: listings of places with their level, their period and the instant at which they were recorded.

mod book;

use lutong_kernel::{DivisionCode, Timestamp};
use sha2::{Digest as _, Sha256};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

pub use book::{AreaBook, AreaQuery, ListingPeriod};

/// Risk levels. `Key` (重点地区) is assigned by officers only, never by a notice.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "lowercase", const_into_str, parse_err_ty = UnknownLevel, parse_err_fn = unknown_level)]
pub enum RiskLevel {
    Key,
    High,
    Medium,
    /// Listed by notices; no rule uses it.
    Low,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of key, high, medium, low")]
pub struct UnknownLevel;

const fn unknown_level(_: &str) -> UnknownLevel {
    UnknownLevel
}

/// One recorded state of a listing. A state recorded later with the same code, community, level and `from` replaces it: an open
/// listing receives its `to` in this way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaEntry {
    pub code: DivisionCode,
    /// In NFC, trimmed, never empty. `None`: the listing covers the whole division.
    pub community: Option<String>,
    pub level: RiskLevel,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub recorded_at: Timestamp,
}

/// Identifies a listing; listings are ordered by it.
pub type AreaKey = (DivisionCode, Option<String>, RiskLevel, Timestamp);

impl AreaEntry {
    pub fn key(&self) -> AreaKey {
        (self.code, self.community.clone(), self.level, self.from)
    }

    /// The listing's id, derived from its key: it does not change when the end of the listing becomes known.
    pub fn id(&self) -> Uuid {
        let mut digest = Sha256::new();
        digest.update(b"area\n");
        digest.update(self.code.number().to_be_bytes());
        digest.update(self.from.micros().to_be_bytes());
        digest.update(self.level.into_str());
        digest.update(b"\n");
        digest.update(self.community.as_deref().unwrap_or_default());
        let digest: [u8; 32] = digest.finalize().into();
        let (id, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        uuid::Builder::from_custom_bytes(*id).into_uuid()
    }

    /// `areas/{area}`.
    pub fn name(&self) -> String {
        format!("areas/{}", self.id())
    }

    /// Whether both have the same place, level and period; the instants of recording are not compared.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (self.code, &self.community, self.level) == (other.code, &other.community, other.level)
            && (self.from, self.to) == (other.from, other.to)
    }
}
