//! Designations: persons to be managed as high or medium risk (DOMAIN 4). In 2022 officials elsewhere turned codes red for reasons
//! unrelated to an epidemic; a designation therefore needs two officers, a legal basis from a list and an end.

use lutong_kernel::{DivisionCode, Jurisdiction, SubjectId, Timestamp, Violation};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

use crate::approval::domain::{Approval, State};
use crate::fault;
use lutong_risk_engine::legal_basis::LegalBasis;
use lutong_risk_engine::packed::PackedFact;

/// Maximum duration in days.
pub const LONGEST_DAYS: i64 = 90;

/// The risk level that a designation assigns. The text form is stored and part of the fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Level {
    High,
    Medium,
}

/// A designation with its approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Designation {
    pub id: Uuid,
    pub subject: SubjectId,
    pub level: Level,
    pub from: Timestamp,
    /// Exclusive. Ending the designation changes it.
    pub until: Timestamp,
    pub basis: LegalBasis,
    /// The division of the proposing officer.
    pub division: DivisionCode,
    pub approval: Approval,
}

/// What an officer proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesignationProposal {
    pub subject: SubjectId,
    pub level: Level,
    pub from: Timestamp,
    pub until: Timestamp,
    pub basis: LegalBasis,
}

impl Designation {
    /// The state; `is_retracted`: the fact of the designation was corrected or retracted.
    pub fn state(&self, now: Timestamp, is_retracted: bool) -> State {
        self.approval.state(self.until <= now, is_retracted)
    }
}

/// The source of designation facts: the officers of a division.
pub fn source(division: DivisionCode) -> String {
    format!("officer-{division}")
}

/// Whether officers may designate a person: one who lives in their jurisdiction or is known to have stayed there. Officers of the
/// province may designate anybody.
pub fn is_in_scope(own: Jurisdiction, homes: &[DivisionCode], facts: &[PackedFact]) -> bool {
    let stays = facts.iter().filter_map(PackedFact::place);
    own.covers_any(homes.iter().copied().chain(stays))
}

/// Checks the period of a designation.
pub fn check_span(from: Timestamp, until: Timestamp, now: Timestamp) -> Result<(), Violation> {
    if until <= from {
        Err(fault::end_before_start())
    } else if until <= now {
        Err(fault::proposals::end_passed())
    } else if until > from.plus_seconds(LONGEST_DAYS * 86_400) {
        Err(fault::proposals::span_too_long())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_asked_for_that_lies_ahead_and_not_too_far() {
        let at = |day: i64| Timestamp::from_seconds(day * 86_400);
        assert!(check_span(at(0), at(90), at(10)).is_ok());
        for (from, until, reason) in [
            (5, 5, "END_BEFORE_START"),
            (0, 10, "END_PASSED"),
            (0, 91, "TOO_LONG"),
        ] {
            assert_eq!(
                check_span(at(from), at(until), at(10)).unwrap_err().reason,
                reason
            );
        }
    }
}
