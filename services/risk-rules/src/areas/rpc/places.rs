//! Divisions and communities of requests. The bounds of the contract have checked that a code has six or nine digits.

use lutong_kernel::{DivisionCode, Violation};

use lutong_risk_engine::attributes::parse_community;
use lutong_risk_engine::notice::place::is_issued;

/// A division that exists. The permit guarantees that it lies in the jurisdiction of the caller, and therefore in Shandong.
pub fn issued_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = DivisionCode::parse(text).map_err(|error| {
        Violation::new(
            "division",
            "DIVISION_SHAPE",
            "区划代码应为六位或九位",
            error.to_string(),
        )
    })?;
    if is_issued(code) {
        return Ok(code);
    }
    Err(Violation::new(
        "division",
        "DIVISION_UNKNOWN",
        "没有该区划代码",
        "there is no division of this code",
    ))
}

/// A division in which a row may be placed: a county or a street.
pub fn place_division(text: &str) -> Result<DivisionCode, Violation> {
    let code = issued_division(text)?;
    if code.is_above_county() {
        return Err(Violation::new(
            "division",
            "DIVISION_TOO_WIDE",
            "应为县（区）或街道，不得为整个城市",
            "is a county or a street, never a whole city",
        ));
    }
    Ok(code)
}

/// The community of a placement; an empty text means the whole division.
pub fn community(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let named = parse_community(text).map(Some);
    named.map_err(|(reason, zh, en)| Violation::new("community", reason, zh, en))
}
