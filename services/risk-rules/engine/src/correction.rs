//! When a statement may correct or retract an earlier one (DOMAIN 4).

use lutong_kernel::{Timestamp, Violation};

use super::fact::{Fact, FactKind};

/// The properties of the superseded statement that the rules below check.
#[derive(Debug, Clone, Copy)]
pub struct Original {
    pub kind: FactKind,
    pub recorded_at: Timestamp,
    pub superseded_at: Option<Timestamp>,
}

impl From<&Fact> for Original {
    fn from(fact: &Fact) -> Self {
        Self {
            kind: fact.kind(),
            recorded_at: fact.recorded_at,
            superseded_at: fact.superseded_at,
        }
    }
}

/// Checks a correction: it has the same kind as the original, is recorded later, and the original is not yet superseded.
pub fn check_correction(original: Original, kind: FactKind, recorded_at: Timestamp) -> Result<(), Violation> {
    if original.kind != kind {
        return Err(Violation::new(
            "correction.fact",
            "CORRECTION_OF_ANOTHER_KIND",
            format!("更正须与原记录同类（{}）", original.kind),
            format!(
                "a correction is of the same kind as what it replaces ({})",
                original.kind
            ),
        ));
    }
    check_supersession(original, recorded_at, "correction.replaces_key")
}

/// Checks a retraction: it is recorded after the original, and the original is not yet superseded.
pub fn check_retraction(original: Original, recorded_at: Timestamp) -> Result<(), Violation> {
    check_supersession(original, recorded_at, "retraction.retracts_key")
}

fn check_supersession(original: Original, recorded_at: Timestamp, field: &str) -> Result<(), Violation> {
    if original.superseded_at.is_some() {
        return Err(Violation::new(
            field,
            "ALREADY_SUPERSEDED",
            "原记录已被更正或撤回",
            "the statement has been corrected or retracted already",
        ));
    }
    if recorded_at <= original.recorded_at {
        return Err(Violation::new(
            field,
            "NOT_LATER",
            "更正或撤回的记录时间须晚于原记录",
            "a correction or retraction is recorded after what it is about",
        ));
    }
    Ok(())
}
