//! Divisions and communities of requests. The bounds of the contract have checked that a code has six or nine digits.

use lutong_kernel::{DivisionCode, Violation};

use lutong_risk_engine::attributes::parse_community;
use lutong_risk_engine::notice::place::is_issued;

use crate::fault;

/// A division that exists. The permit guarantees that it lies in the jurisdiction of the caller, and therefore in Shandong.
pub fn issued_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = DivisionCode::parse(text).map_err(|error| fault::areas::division_shape(&error))?;
    if is_issued(code) {
        return Ok(code);
    }
    Err(fault::areas::division_unknown())
}

/// A division in which a row may be placed: a county or a street.
pub fn place_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = issued_division(text)?;
    if code.is_above_county() {
        return Err(fault::areas::division_too_wide());
    }
    Ok(code)
}

/// The community of a placement; an empty text means the whole division.
pub fn community(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_community(text).map(Some).map_err(fault::areas::community)
}
