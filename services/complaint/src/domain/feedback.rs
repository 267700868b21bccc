//! The content of feedback.

use lutong_kernel::{Secret, Violation};

use super::text::lines;

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
    pub fn new(category: Category, text: &str) -> Result<Self, Violation> {
        let text = lines(text, "feedback.text")?;
        Ok(Self { category, text })
    }
}
