//! What feedback says.

use lutong_kernel::text::{FreeText, TextRule};
use lutong_kernel::{Fault, Secret};

/// Characters of a text.
const MAX_TEXT: usize = 2_000;

/// What feedback can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    WrongRegistration,
    HealthData,
    Technical,
    Other,
}

impl Category {
    pub const ALL: [Self; 4] = [
        Self::WrongRegistration,
        Self::HealthData,
        Self::Technical,
        Self::Other,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WrongRegistration => "wrong_registration",
            Self::HealthData => "health_data",
            Self::Technical => "technical",
            Self::Other => "other",
        }
    }
}

/// Feedback within its bounds.
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
