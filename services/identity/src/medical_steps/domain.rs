//! The code table of steps of care, `data/medical_steps.csv`.

use std::sync::LazyLock;

use lutong_kernel::Violation;

use crate::fault::health_cards as fault;

const TABLE: &str = include_str!("../../data/medical_steps.csv");
/// Digits of a step; a refinement has one more.
const DIGITS: usize = 6;
const REGISTRATION: &str = "010101";
const PAYMENT: &str = "010105";

static STEPS: LazyLock<Vec<MedicalStep>> = LazyLock::new(|| {
    let lines = TABLE
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    lines.filter_map(MedicalStep::of_line).collect()
});

/// A step of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MedicalStep {
    code: &'static str,
    title_zh: &'static str,
}

impl MedicalStep {
    fn of_line(line: &'static str) -> Option<Self> {
        let mut columns = line.split(',');
        let (code, title_zh) = (columns.next()?, columns.next()?);
        Some(Self { code, title_zh })
    }

    /// The step with this code.
    pub fn parse(code: &str) -> Option<Self> {
        STEPS.iter().find(|step| step.code == code).copied()
    }

    /// The step that a field states.
    pub fn stated(field: &str, code: &str) -> Result<Self, Violation> {
        // A spreadsheet takes `010101` for a number and drops its zero.
        let lost_zero = || Self::parse(&format!("0{code}")).is_some();
        Self::parse(code).ok_or_else(|| fault::medical_step_unknown(field, lost_zero()))
    }

    pub const fn code(self) -> &'static str {
        self.code
    }

    pub const fn title_zh(self) -> &'static str {
        self.title_zh
    }

    /// The code of six digits.
    fn group(self) -> &'static str {
        self.code.get(..DIGITS).unwrap_or(self.code)
    }

    /// Whether it is this step or a refinement of it.
    pub fn is_within(self, other: Self) -> bool {
        self == other || self.group() == other.code
    }

    /// Whether a report of it names a department.
    pub fn is_registration(self) -> bool {
        self.group() == REGISTRATION
    }

    /// Whether a report of it says how it was paid.
    pub fn is_payment(self) -> bool {
        self.group() == PAYMENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(code: &str) -> MedicalStep {
        MedicalStep::parse(code).unwrap()
    }

    #[test]
    fn the_table_has_every_published_step_and_its_refinements_once() {
        assert_eq!(STEPS.len(), 20);
        let mut codes: Vec<_> = STEPS.iter().map(|step| step.code).collect();
        codes.dedup();
        assert_eq!(codes.len(), 20, "the table is sorted and has no code twice");
        for code in [
            "010101", "010102", "010103", "010104", "010105", "010106", "010107", "010108", "010109",
            "000000",
        ] {
            assert_eq!(step(code).code(), code);
        }
        assert!(STEPS.iter().all(|one| MedicalStep::parse(one.group()).is_some()));
        assert_eq!(step("010103").title_zh(), "取药");
    }

    #[test]
    fn a_refinement_is_within_its_step_and_within_no_other() {
        assert!(step("0101011").is_within(step("010101")) && step("010101").is_within(step("010101")));
        assert!(!step("010101").is_within(step("0101011")) && !step("0101051").is_within(step("010101")));
        assert!(step("0101014").is_registration() && !step("010102").is_registration());
        assert!(step("0101053").is_payment() && !step("010101").is_payment());
    }

    #[test]
    fn a_code_that_lost_its_zero_is_refused_and_the_reason_says_so() {
        let wrong = MedicalStep::stated("step", "10101").unwrap_err();
        assert_eq!(wrong.reason, "MEDICAL_STEP_UNKNOWN");
        assert!(wrong.zh.contains('0'), "{}", wrong.zh);
        let other = MedicalStep::stated("step", "02010184").unwrap_err();
        assert_ne!(wrong.zh, other.zh);
    }
}
