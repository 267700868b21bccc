//! How often somebody may declare on a local day. Risk-rules takes a bounded number of facts about a person, which nobody should use up.

use super::{Declaration, DeclarationKind};

/// The most declarations of a local day.
#[derive(Debug, Clone, Copy)]
pub struct DailyLimits {
    /// Daily reports of a person.
    pub daily_reports: u32,
    /// Applications of an account that replace another one.
    pub edits: u32,
}

/// Whether declarations of this kind are counted.
pub const fn is_limited(declaration: &Declaration) -> bool {
    matches!(declaration.kind, DeclarationKind::DailyReport) || declaration.replaces.is_some()
}
