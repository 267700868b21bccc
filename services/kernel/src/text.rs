//! Free text: descriptions, reasons and titles that people and authorities write, and names of versions. A text has one
//! normal form (NFC) and a greatest length, and nothing in it is invisible or shown in another order than it is stored.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::fault::Violation;

/// A checked text: at least one character, in NFC, without outer blanks.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FreeText(String);

/// The length and the white space that a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRule {
    max_characters: usize,
    is_multiline: bool,
}

/// The first rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("is required")]
    Empty,
    #[error("has at most {0} characters")]
    TooLong(usize),
    #[error("has a control character")]
    Control,
    #[error("has a character that changes the direction of writing")]
    Direction,
    #[error("has an invisible character")]
    Invisible,
    #[error("has a tag character")]
    Tag,
    #[error("has a character that no standard gives a meaning")]
    Unassigned,
    #[error("begins with a mark that combines with the character before it")]
    Mark,
}

impl TextRule {
    /// One line of at most `max_characters` characters.
    pub const fn line(max_characters: usize) -> Self {
        Self {
            max_characters,
            is_multiline: false,
        }
    }

    /// At most `max_characters` characters, line feeds, carriage returns and tabs included.
    pub const fn lines(max_characters: usize) -> Self {
        Self {
            max_characters,
            is_multiline: true,
        }
    }
}

impl FreeText {
    /// Normalises and checks a text.
    pub fn parse(text: &str, rule: TextRule) -> Result<Self, TextError> {
        let too_long = TextError::TooLong(rule.max_characters);
        // Limits the work on a hostile input before it is normalised: no text within the rule has more bytes.
        if text.len() > rule.max_characters.saturating_mul(16) {
            return Err(too_long);
        }
        let text: String = text.trim().nfc().collect();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        for c in text.chars() {
            check(c, rule)?;
        }
        if text.chars().count() > rule.max_characters {
            return Err(too_long);
        }
        if text.starts_with(is_mark) {
            return Err(TextError::Mark);
        }
        Ok(Self(text))
    }

    /// As [`Self::parse`], with `None` for an empty text.
    pub fn parse_optional(text: &str, rule: TextRule) -> Result<Option<Self>, TextError> {
        match Self::parse(text, rule) {
            Ok(text) => Ok(Some(text)),
            Err(TextError::Empty) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// Shows the length only: a text may be personal data.
impl fmt::Debug for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreeText({} characters)", self.0.chars().count())
    }
}

impl TextError {
    /// The stable code of the rule, `UPPER_SNAKE`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "MISSING",
            Self::TooLong(_) => "TEXT_LENGTH",
            Self::Control => "TEXT_CONTROL",
            Self::Direction => "TEXT_BIDI",
            Self::Invisible => "TEXT_INVISIBLE",
            Self::Tag => "TEXT_TAG",
            Self::Unassigned => "TEXT_UNASSIGNED",
            Self::Mark => "TEXT_MARK",
        }
    }

    /// The rule in Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::Empty => "必填".to_owned(),
            Self::TooLong(max) => format!("最多{max}个字符"),
            Self::Control => "不得含控制字符".to_owned(),
            Self::Direction => "不得含改变书写方向的字符".to_owned(),
            Self::Invisible => "不得含不可见字符".to_owned(),
            Self::Tag => "不得含标签字符".to_owned(),
            Self::Unassigned => "含未定义或私用字符".to_owned(),
            Self::Mark => "不得以组合符号开头".to_owned(),
        }
    }

    /// Whether the error is about the length of the text and not about its characters. An empty text has a wrong length.
    pub const fn is_length(self) -> bool {
        matches!(self, Self::Empty | Self::TooLong(_))
    }

    /// The error as a violation of `field`.
    pub fn violation(self, field: impl Into<String>) -> Violation {
        Violation::new(field, self.reason(), self.zh(), self.to_string())
    }
}

/// Whether a character combines with the character before it.
pub(crate) fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

fn check(c: char, rule: TextRule) -> Result<(), TextError> {
    match c {
        '\n' | '\r' | '\t' if rule.is_multiline => Ok(()),
        // The line and paragraph separators have the effect of control characters.
        '\u{2028}' | '\u{2029}' => Err(TextError::Control),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            Err(TextError::Direction)
        }
        // Characters that the categories below would refuse or do not know yet: the variation selectors of ideographs; the
        // ideographic planes without their noncharacters, since Unicode assigns more ideographs each year and rare names
        // use them; the Mongolian vowel separator, which the spelling of words needs.
        '\u{e0100}'..='\u{e01ef}' | '\u{20000}'..='\u{2fffd}' | '\u{30000}'..='\u{3fffd}' | '\u{180e}' => {
            Ok(())
        }
        '\u{e0000}'..='\u{e0fff}' => Err(TextError::Tag),
        // The Hangul fillers are letters without a shape.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Err(TextError::Invisible),
        _ => match c.general_category() {
            GeneralCategory::Control => Err(TextError::Control),
            // Zero-width characters, joiners, soft hyphens, invisible operators.
            GeneralCategory::Format => Err(TextError::Invisible),
            GeneralCategory::Unassigned | GeneralCategory::PrivateUse => Err(TextError::Unassigned),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests;
