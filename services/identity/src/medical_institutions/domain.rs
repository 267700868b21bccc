//! A registered institution.

use lutong_kernel::{DivisionCode, MedicalInstitutionId, Timestamp, Violation};
use strum::{IntoStaticStr, VariantArray};

use crate::accounts::domain::AccountId;
use crate::fault::health_cards as fault;

/// How an institution or a terminal stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Ended,
}

impl State {
    pub const fn since(ended_at: Option<Timestamp>) -> Self {
        match ended_at {
            None => Self::Active,
            Some(_) => Self::Ended,
        }
    }

    /// Whether it may be ended.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// A hospital, clinic or other body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MedicalInstitution {
    pub id: MedicalInstitutionId,
    /// Its code at the card platform.
    pub code: String,
    pub title: String,
    /// A county or street.
    pub division: DivisionCode,
    /// With which its information system signs in.
    pub account: AccountId,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl MedicalInstitution {
    pub const fn state(&self) -> State {
        State::since(self.ended_at)
    }
}

/// The code of an institution: digits and capital letters. Its length is bounded by the contract.
pub fn institution_code(text: &str) -> Result<String, Violation> {
    let fits = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if fits {
        return Ok(text.to_owned());
    }
    Err(fault::institution_code_shape())
}

/// The division of an institution.
pub fn district(text: &str) -> Result<DivisionCode, Violation> {
    let division = DivisionCode::parse(text).map_err(|error| fault::division_shape(&error))?;
    if division.is_above_county() {
        return Err(fault::division_above_county());
    }
    Ok(division)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_institution_has_a_code_of_the_platform_and_lies_in_one_district() {
        assert_eq!(
            institution_code("12370000495570303U").as_deref(),
            Ok("12370000495570303U")
        );
        for wrong in ["1237-1", "abc", "省立医院", "1 2"] {
            assert_eq!(
                institution_code(wrong).unwrap_err().reason,
                "INSTITUTION_CODE_SHAPE",
                "{wrong}"
            );
        }
        assert!(district("370102").is_ok() && district("370102001").is_ok());
        assert_eq!(district("370100").unwrap_err().reason, "DIVISION_ABOVE_COUNTY");
        assert_eq!(district("37").unwrap_err().reason, "DIVISION_SHAPE");
    }

    #[test]
    fn the_state_in_which_it_may_be_ended_is_that_of_the_contract() {
        for rpc in [
            "MedicalInstitutionService/EndMedicalInstitution",
            "MedicalTerminalService/EndMedicalTerminal",
            "PatientBindingService/EndPatientBinding",
        ] {
            let rpc = format!("lutong.identity.v1.{rpc}");
            let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
            let possible: Vec<&str> = State::VARIANTS
                .iter()
                .filter(|state| state.is_active())
                .map(State::into_str)
                .collect();
            assert_eq!(possible, stated.from_states, "{rpc}");
        }
    }
}
