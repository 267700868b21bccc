//! Pairs of attributes that form an interval. The contract's tables of attributes do not contain them.

use lutong_proto::facts::FactKind;

/// Start and end attributes of a kind, by their names in rule sets. A statement whose end precedes its start is rejected.
pub const fn intervals(kind: FactKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        FactKind::Case => &[("diagnosed_at", "closed_at")],
        FactKind::CloseContact => &[("observation_from", "observation_until")],
        FactKind::Symptoms => &[("observed_at", "cleared_at")],
        FactKind::Stay => &[("arrived_at", "left_at")],
        FactKind::Entry => &[("entered_at", "quarantine_completed_at")],
        FactKind::Designation | FactKind::Relief => &[("from", "until")],
        FactKind::PartnerCode => &[("issued_at", "expires_at")],
        FactKind::FeverClinicVisit | FactKind::DatabaseAnomaly | FactKind::Test => &[],
    }
}
