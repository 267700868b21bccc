//! A use of a card, as an institution reports it.

use lutong_kernel::fault::AllValid as _;
use lutong_kernel::{
    Fault, HealthCardReadId, HealthCardUseId, MedicalInstitutionId, MedicalTerminalId, SubjectId, Timestamp,
    Violation,
};

use crate::fault::health_cards as fault;
use crate::medical_steps::domain::MedicalStep;

/// Digits of how something was paid.
const PAYMENT_DIGITS: usize = 4;

/// What a card was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub step: MedicalStep,
    /// Empty where none was reported.
    pub department: String,
    /// The card platform's digits; empty unless it was a payment.
    pub payment: String,
}

/// What an institution reports.
#[derive(Debug)]
pub struct Report {
    pub read: HealthCardReadId,
    pub content: Content,
    /// None: now.
    pub at: Option<Timestamp>,
}

/// A use that is noted.
#[derive(Debug, Clone)]
pub struct HealthCardUse {
    pub id: HealthCardUseId,
    pub subject: SubjectId,
    pub institution: MedicalInstitutionId,
    pub terminal: MedicalTerminalId,
    pub content: Content,
    pub at: Timestamp,
    /// When the card platform has taken the report.
    pub reported_at: Option<Timestamp>,
}

impl Content {
    /// What was reported: a registration names the department, a payment how it was paid, and nothing else does.
    pub fn stated(step: &str, department: String, payment: String) -> Result<Self, Fault> {
        let step = MedicalStep::stated("step", step).map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let (department, payment) =
            (check_department(step, department), check_payment(step, payment)).all_valid()?;
        Ok(Self {
            step,
            department,
            payment,
        })
    }
}

fn check_department(step: MedicalStep, department: String) -> Result<String, Violation> {
    if step.is_registration() && department.is_empty() {
        return Err(fault::department_missing());
    }
    Ok(department)
}

fn check_payment(step: MedicalStep, payment: String) -> Result<String, Violation> {
    if !step.is_payment() {
        return if payment.is_empty() {
            Ok(payment)
        } else {
            Err(fault::payment_unexpected())
        };
    }
    let is_code = payment.len() == PAYMENT_DIGITS && payment.bytes().all(|b| b.is_ascii_digit());
    is_code.then_some(payment).ok_or_else(fault::payment_missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(step: &str, department: &str, payment: &str) -> Vec<String> {
        match Content::stated(step, department.to_owned(), payment.to_owned()) {
            Ok(_) => Vec::new(),
            Err(fault) => fault
                .violations
                .into_iter()
                .map(|wrong| wrong.reason.into_owned())
                .collect(),
        }
    }

    #[test]
    fn a_registration_names_its_department_and_a_payment_how_it_was_paid() {
        assert!(reasons("0101011", "内科", "").is_empty());
        assert_eq!(reasons("0101011", "", ""), ["DEPARTMENT_MISSING"]);
        assert!(reasons("010105", "", "0100").is_empty());
        for wrong in ["", "100", "01000", "自费自费"] {
            assert_eq!(reasons("010105", "", wrong), ["PAYMENT_MISSING"], "{wrong}");
        }
        assert_eq!(reasons("010103", "", "0100"), ["PAYMENT_UNEXPECTED"]);
        assert_eq!(
            reasons("010101", "", "0100"),
            ["DEPARTMENT_MISSING", "PAYMENT_UNEXPECTED"]
        );
        assert_eq!(reasons("10103", "", ""), ["MEDICAL_STEP_UNKNOWN"]);
    }
}
