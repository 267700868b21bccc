//! The content of feedback.

use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{Fault, Secret};

/// Characters of a text.
const MAX_TEXT: usize = 2_000;

/// The category of feedback, stored in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Category {
    WrongRegistration,
    HealthData,
    Technical,
    Other,
}

/// Checked feedback.
#[derive(Debug, Clone)]
pub struct Feedback {
    pub category: Category,
    pub text: Secret<String>,
}

impl Feedback {
    /// `text` is free text of at most 2,000 characters.
    pub fn new(category: Category, text: &str) -> Result<Self, Fault> {
        let text = FreeText::parse(text, TextRule::lines(MAX_TEXT));
        let text = text.map_err(|error| Fault::invalid(vec![error.violation("feedback.text")]))?;
        Ok(Self {
            category,
            text: Secret::new(text.into_string()),
        })
    }
}
