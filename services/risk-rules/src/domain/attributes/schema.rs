//! What the contract's tables of attributes do not say: which attributes of a kind span an interval.

use crate::domain::fact::FactKind;

/// Beginnings and ends that the statement itself names, by the names of rule sets: an end before its beginning is refused.
pub const fn intervals(kind: FactKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        FactKind::Case => &[("diagnosed_at", "closed_at")],
        FactKind::CloseContact => &[("observation_from", "observation_until")],
        FactKind::Symptoms => &[("observed_at", "cleared_at")],
        FactKind::Stay => &[("arrived_at", "left_at")],
        FactKind::Entry => &[("entered_at", "quarantine_completed_at")],
        FactKind::Designation => &[("from", "until")],
        FactKind::PartnerCode => &[("issued_at", "expires_at")],
        FactKind::FeverClinicVisit | FactKind::DatabaseAnomaly | FactKind::Test => &[],
    }
}
