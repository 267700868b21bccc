//! Where people live for whom somebody else applies.

use lutong_kernel::{DivisionCode, Jurisdiction};

/// Whether a home lies where its applicant may apply for people. A text that is no division is a violation of the contract's bounds.
pub fn is_covered(division: &str, allowed: &[Jurisdiction]) -> bool {
    let Ok(home) = DivisionCode::parse(division) else {
        return true;
    };
    allowed.iter().all(|jurisdiction| jurisdiction.covers(home))
}
