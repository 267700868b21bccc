//! What people write: lines of text.

use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{Secret, Violation};

/// Characters of a text.
const MAX_TEXT: usize = 2_000;

/// Free text in lines, as stored.
pub fn lines(text: &str, field: &str) -> Result<Secret<String>, Violation> {
    let text = FreeText::parse(text, TextRule::lines(MAX_TEXT));
    let text = text.map_err(|error| error.violation(field))?;
    Ok(Secret::new(text.into_string()))
}

/// The same where nothing need be written.
pub fn optional_lines(text: &str, field: &str) -> Result<Option<Secret<String>>, Violation> {
    let text = FreeText::parse_optional(text, TextRule::lines(MAX_TEXT));
    let text = text.map_err(|error| error.violation(field))?;
    Ok(text.map(|text| Secret::new(text.into_string())))
}
