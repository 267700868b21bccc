//! A registered terminal.

use lutong_kernel::{MedicalInstitutionId, MedicalTerminalId, Timestamp, Violation};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fault::health_cards as fault;
use crate::medical_institutions::domain::{MedicalInstitution, State};
use crate::medical_steps::domain::MedicalStep;

/// What a terminal is. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Kind {
    Counter,
    SelfService,
    DoctorsDesk,
}

impl Kind {
    /// As the card platform numbers the channels of an institution.
    pub const fn channel(self) -> &'static str {
        match self {
            Self::Counter => "0100",
            Self::SelfService => "0200",
            Self::DoctorsDesk => "0300",
        }
    }
}

/// A device that reads health cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MedicalTerminal {
    pub id: MedicalTerminalId,
    pub institution: MedicalInstitutionId,
    /// Its code at the card platform.
    pub code: String,
    pub kind: Kind,
    /// For which it may read; none: for every step.
    pub steps: Vec<MedicalStep>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl MedicalTerminal {
    pub const fn state(&self) -> State {
        State::since(self.ended_at)
    }

    /// Whether it may read for a step.
    pub fn admits(&self, step: MedicalStep) -> bool {
        self.steps.is_empty() || self.steps.iter().any(|one| step.is_within(*one))
    }
}

/// An active terminal of the institution that signs in.
#[derive(Debug, Clone)]
pub struct Place {
    pub terminal: MedicalTerminal,
    pub institution: MedicalInstitution,
}

/// The code of a terminal: digits, letters and hyphens. Its length is bounded by the contract.
pub fn terminal_code(text: &str) -> Result<String, Violation> {
    let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits {
        return Ok(text.to_owned());
    }
    Err(fault::terminal_code_shape())
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    #[test]
    fn a_terminal_reads_for_its_steps_and_their_refinements_and_one_without_steps_for_all() {
        let at = Timestamp::from_seconds(0);
        let random = SeededRandom::new(1);
        let step = |code| MedicalStep::parse(code).unwrap();
        let mut terminal = MedicalTerminal {
            id: MedicalTerminalId::new(at, &random),
            institution: MedicalInstitutionId::new(at, &random),
            code: "T1".to_owned(),
            kind: Kind::Counter,
            steps: vec![step("010101")],
            created_at: at,
            ended_at: None,
        };
        assert!(terminal.admits(step("010101")) && terminal.admits(step("0101012")));
        assert!(!terminal.admits(step("010105")));
        terminal.steps.clear();
        assert!(terminal.admits(step("010105")));
    }

    #[test]
    fn a_terminal_has_a_code_of_the_platform() {
        assert!(terminal_code("GH-01a").is_ok());
        for wrong in ["窗口1", "a b", "a;b"] {
            assert_eq!(
                terminal_code(wrong).unwrap_err().reason,
                "TERMINAL_CODE_SHAPE",
                "{wrong}"
            );
        }
    }
}
