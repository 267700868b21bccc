//! What feedback says.

use lutong_kernel::{Secret, Violation};

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

/// 1 to 2,000 characters; lines and tabs, no other control characters.
pub fn check_text(text: &str) -> Result<Secret<String>, Violation> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Violation::new("text", "MISSING", "请填写反馈内容", "is required"));
    }
    let shown = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > MAX_TEXT || !text.chars().all(shown) {
        return Err(Violation::new(
            "text",
            "TEXT_SHAPE",
            "反馈内容最多2000个字符，且不含控制字符",
            "has at most 2,000 characters and no control characters",
        ));
    }
    Ok(Secret::new(text.to_owned()))
}
