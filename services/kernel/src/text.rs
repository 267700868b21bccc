//! Free text: what people and authorities write in their own words, and names of versions. One form of it (NFC), nothing
//! that is invisible or that shows in another order than it is stored, and a bound.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::fault::Violation;

/// A text that was checked: NFC, without outer blanks, of at least one character.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FreeText(String);

/// What a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRule {
    most: usize,
    lines: bool,
}

/// The first thing that is wrong with a text.
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
    /// One line of at most so many characters.
    pub const fn line(most: usize) -> Self {
        Self { most, lines: false }
    }

    /// Lines and tabs, at most so many characters.
    pub const fn lines(most: usize) -> Self {
        Self { most, lines: true }
    }
}

impl FreeText {
    /// Checks a text; it is compared and stored in the form that this gives it.
    pub fn parse(text: &str, rule: TextRule) -> Result<Self, TextError> {
        // Bounds the work before normalising: no text of so many characters is longer.
        if text.len() > rule.most.saturating_mul(16) {
            return Err(TextError::TooLong(rule.most));
        }
        let text: String = text.trim().nfc().collect();
        let Some(first) = text.chars().next() else {
            return Err(TextError::Empty);
        };
        for c in text.chars() {
            check(c, rule)?;
        }
        if text.chars().count() > rule.most {
            return Err(TextError::TooLong(rule.most));
        }
        if is_mark(first) {
            return Err(TextError::Mark);
        }
        Ok(Self(text))
    }

    /// The same where nothing need be written.
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

/// It may be personal: a log or an error shows how long it is and no more.
impl fmt::Debug for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FreeText({} characters)", self.0.chars().count())
    }
}

impl TextError {
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

    pub fn zh(self) -> String {
        match self {
            Self::Empty => "必填".to_owned(),
            Self::TooLong(most) => format!("最多{most}个字符"),
            Self::Control => "不得含控制字符".to_owned(),
            Self::Direction => "不得含改变书写方向的字符".to_owned(),
            Self::Invisible => "不得含不可见字符".to_owned(),
            Self::Tag => "不得含标签字符".to_owned(),
            Self::Unassigned => "含未定义或私用字符".to_owned(),
            Self::Mark => "不得以组合符号开头".to_owned(),
        }
    }

    /// Whether the text is of a wrong length, nothing at all included, and not of wrong characters.
    pub const fn is_length(self) -> bool {
        matches!(self, Self::Empty | Self::TooLong(_))
    }

    /// As a wrong field.
    pub fn violation(self, field: impl Into<String>) -> Violation {
        Violation::new(field, self.reason(), self.zh(), self.to_string())
    }
}

/// Whether a character combines with the one before it.
pub(crate) fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

fn check(c: char, rule: TextRule) -> Result<(), TextError> {
    match c {
        '\n' | '\r' | '\t' if rule.lines => Ok(()),
        // Ordinary letters, without a look at the tables.
        ' '..='~' | '\u{4e00}'..='\u{9fff}' | '\u{3001}'..='\u{3029}' => Ok(()),
        // Separators of lines and paragraphs do what control characters do.
        '\u{2028}' | '\u{2029}' => Err(TextError::Control),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            Err(TextError::Direction)
        }
        '\u{e0000}'..='\u{e0fff}' if !is_variation(c) => Err(TextError::Tag),
        // The fillers of Hangul are letters that nobody sees.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Err(TextError::Invisible),
        // Where Unihan grows from year to year, faster than tables do: rare names of people and places are written so.
        '\u{20000}'..='\u{3fffd}' if !is_noncharacter(c) => Ok(()),
        _ => match c.general_category() {
            GeneralCategory::Control => Err(TextError::Control),
            // Zero-width characters, joiners, soft hyphens, invisible operators. The vowel separator of Mongolian is not
            // seen either, and words are spelled with it.
            GeneralCategory::Format if c != '\u{180e}' => Err(TextError::Invisible),
            GeneralCategory::Unassigned | GeneralCategory::PrivateUse => Err(TextError::Unassigned),
            _ => Ok(()),
        },
    }
}

/// Which of the forms of an ideograph is meant.
const fn is_variation(c: char) -> bool {
    matches!(c, '\u{e0100}'..='\u{e01ef}')
}

const fn is_noncharacter(c: char) -> bool {
    (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Result<String, TextError> {
        FreeText::parse(text, TextRule::line(20)).map(FreeText::into_string)
    }

    #[test]
    fn what_people_write_is_taken_in_one_form() {
        for (text, form) in [
            ("  奥帆中心小区 3号楼 ", "奥帆中心小区 3号楼"),
            ("e\u{301}cole", "école"),
            ("2022-11-26.1", "2022-11-26.1"),
            ("𠮷田𬸪", "𠮷田𬸪"),
            ("葛\u{e0100}城", "葛\u{e0100}城"),
            ("ئۇيغۇر", "ئۇيغۇر"),
            ("“码”不显示！", "“码”不显示！"),
        ] {
            assert_eq!(line(text).as_deref(), Ok(form), "{text:?}");
        }
        assert!(FreeText::parse("一\n\t二", TextRule::lines(20)).is_ok());
        assert_eq!(FreeText::parse_optional(" ", TextRule::line(1)), Ok(None));
    }

    #[test]
    fn what_is_invisible_or_misleads_is_refused_by_its_reason() {
        for (characters, error) in [
            ("\0\u{1b}\u{7f}\u{85}\n\u{2028}", TextError::Control),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
                TextError::Direction,
            ),
            (
                "\u{200b}\u{200c}\u{200d}\u{feff}\u{2060}\u{ad}\u{2062}\u{3164}",
                TextError::Invisible,
            ),
            ("\u{e0001}\u{e0041}\u{e007f}", TextError::Tag),
            (
                "\u{fdd0}\u{fffe}\u{ffff}\u{2ffff}\u{10ffff}\u{e000}\u{f8ff}\u{f0000}\u{378}",
                TextError::Unassigned,
            ),
        ] {
            for c in characters.chars() {
                assert_eq!(line(&format!("a{c}b")), Err(error), "{c:?}");
            }
        }
        assert_eq!(line("\u{301}a"), Err(TextError::Mark));
        assert_eq!(line(" \u{3000} "), Err(TextError::Empty));
        assert_eq!(line(&"字".repeat(21)), Err(TextError::TooLong(20)));
        assert_eq!(line(&"字".repeat(1 << 20)), Err(TextError::TooLong(20)));
    }

    #[test]
    fn a_text_is_not_printed() {
        let text = FreeText::parse("孙小鲁", TextRule::line(20)).unwrap();
        assert!(!format!("{text:?}").contains('孙'));
    }

    proptest! {
        #[test]
        fn what_is_taken_stays_as_it_is_and_holds_the_rule(text in any::<String>(), lines in any::<bool>()) {
            let rule = TextRule { most: 30, lines };
            if let Ok(taken) = FreeText::parse(&text, rule) {
                let form = taken.as_str();
                prop_assert_eq!(FreeText::parse(form, rule), Ok(taken.clone()));
                prop_assert!((1..=30).contains(&form.chars().count()));
                prop_assert_eq!(form.trim(), form);
                prop_assert!(form.nfc().eq(form.chars()));
                prop_assert!(!form.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'))));
            }
        }

        #[test]
        fn one_bad_character_anywhere_spoils_a_text(
            before in "[a-z字]{1,9}", after in "[a-z字]{1,9}",
            bad in prop_oneof![
                Just('\u{202e}'), Just('\u{2066}'), Just('\u{200b}'), Just('\u{feff}'), Just('\u{e0020}'), Just('\u{0}'),
                Just('\u{ffff}'), prop::char::range('\u{e000}', '\u{f8ff}'), prop::char::range('\u{fdd0}', '\u{fdef}'),
            ],
        ) {
            let (good, spoilt) = (format!("{before}{after}"), format!("{before}{bad}{after}"));
            prop_assert!(line(&good).is_ok());
            prop_assert!(line(&spoilt).is_err());
        }
    }
}
