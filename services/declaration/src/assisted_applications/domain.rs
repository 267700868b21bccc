//! What a form must be that counter staff enter.

use lutong_kernel::{Jurisdiction, Violation};

use crate::declarations::domain::home::is_covered;
use crate::fault::assisted_applications as fault;

/// Everything that is wrong with a form at a counter of this jurisdiction, beside what is wrong with any form. Fields are relative to the
/// form.
pub fn violations(home: &str, has_mobile_proof: bool, jurisdiction: Jurisdiction) -> Vec<Violation> {
    let mut wrong = Vec::new();
    if !is_covered(home, &[jurisdiction]) {
        wrong.push(fault::home_outside_division());
    }
    if has_mobile_proof {
        wrong.push(fault::mobile_proof_unexpected());
    }
    wrong
}

#[cfg(test)]
mod tests {
    use lutong_kernel::DivisionCode;

    use super::*;

    #[test]
    fn a_counter_takes_people_of_its_division_without_a_code() {
        let counter = |code: &str| Jurisdiction::of_division(DivisionCode::parse(code).unwrap());
        for (home, division, has_mobile_proof, reasons) in [
            ("370202", "370202", false, &[][..]),
            ("370202001", "370200", false, &[]),
            ("370203", "370202", false, &["HOME_OUTSIDE_DIVISION"]),
            ("110101", "370000", false, &["HOME_OUTSIDE_DIVISION"]),
            (
                "370203",
                "370202",
                true,
                &["HOME_OUTSIDE_DIVISION", "MOBILE_PROOF_UNEXPECTED"],
            ),
        ] {
            let wrong = violations(home, has_mobile_proof, counter(division));
            let found: Vec<_> = wrong.iter().map(|one| one.reason.as_ref()).collect();
            assert_eq!(found, reasons, "{home} {division}");
        }
    }
}
