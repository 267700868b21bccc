//! Divisions and communities of requests. That a code has six or nine digits is checked before a handler has it.

use lutong_kernel::{DivisionCode, Violation};

use crate::domain::attributes::parse_text_community;
use crate::domain::notice::place::is_issued;

/// A code that exists. That it lies within the caller's jurisdiction, and so in Shandong, the permit says.
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

/// A county or a street.
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

/// Empty: all of the division.
pub fn community(text: &str) -> Result<Option<String>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let named = parse_text_community(text).map(Some);
    named.map_err(|(reason, zh, en)| Violation::new("community", reason, zh, en))
}
