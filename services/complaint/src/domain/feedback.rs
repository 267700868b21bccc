//! What feedback says.

use lutong_kernel::{FreeText, Secret, TextError, TextRule, Violation};

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

/// 1 to 2,000 characters; lines and tabs.
pub fn check_text(text: &str) -> Result<Secret<String>, Violation> {
    match FreeText::parse(text, TextRule::lines(MAX_TEXT)) {
        Ok(text) => Ok(Secret::new(text.into_string())),
        Err(TextError::Empty) => Err(Violation::new("text", "MISSING", "请填写反馈内容", "is required")),
        Err(TextError::TooLong(_)) => Err(Violation::new(
            "text",
            "TEXT_SHAPE",
            "反馈内容最多2000个字符",
            "has at most 2,000 characters",
        )),
        Err(error) => Err(error.violation("text")),
    }
}
