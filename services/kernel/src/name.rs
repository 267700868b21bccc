//! Personal names: Han (CJK extensions included), minority names with the middle dot, Latin of passports.

use unicode_normalization::UnicodeNormalization as _;

use crate::secret::Secret;
use crate::text::is_mark;

/// A person's name: 1 to 100 characters in NFC, without outer blanks, with the middle dot U+00B7 for every dot that input
/// methods produce instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(Secret<String>);

/// The rule that a name breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name is required")]
    Empty,
    #[error("a name has at most 100 characters")]
    TooLong,
    #[error("a name has only letters, the middle dot · (U+00B7), blanks, hyphens and apostrophes")]
    Characters,
}

impl NameError {
    /// The stable code of the rule, `UPPER_SNAKE`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "NAME_MISSING",
            Self::TooLong => "NAME_TOO_LONG",
            Self::Characters => "NAME_CHARACTERS",
        }
    }

    /// The rule in Chinese.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写姓名",
            Self::TooLong => "姓名最多100个字符",
            Self::Characters => "姓名只能包含文字、间隔号“·”、空格、连字符和撇号",
        }
    }
}

impl PersonName {
    /// Normalises and checks a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        // Limits the work on a hostile input before it is normalised: no name of 100 characters has more bytes.
        if text.len() > 1_600 {
            return Err(NameError::TooLong);
        }
        let name: String = text
            .trim()
            .nfc()
            .map(|c| if is_dot(c) { '·' } else { c })
            .collect();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.chars().count() > 100 {
            return Err(NameError::TooLong);
        }
        if !name.chars().all(|c| c.is_alphabetic() || may_join_letters(c)) {
            return Err(NameError::Characters);
        }
        // A mark at the beginning would combine with the character before the name, wherever it is shown.
        if !name.contains(char::is_alphabetic) || name.starts_with(is_mark) {
            return Err(NameError::Characters);
        }
        Ok(Self(Secret::new(name)))
    }

    /// The name in clear.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The part of the name that a checkpoint may see: `*` and the last character if that is Han, otherwise the first
    /// character and `*`.
    pub fn mask(&self) -> String {
        let name = self.expose();
        match name.chars().next_back() {
            Some(last) if is_han(last) => format!("*{last}"),
            _ => name.chars().take(1).chain(['*']).collect(),
        }
    }
}

/// The characters that input methods produce for the middle dot of the standard.
const fn is_dot(c: char) -> bool {
    matches!(c, '\u{2022}' | '\u{2027}' | '\u{30FB}' | '\u{FF0E}' | '\u{FF65}')
}

/// Punctuation of names, and the combining marks that NFC leaves separate from their letters.
const fn may_join_letters(c: char) -> bool {
    matches!(c, '·' | ' ' | '-' | '\'' | '’' | '.' | '\u{0300}'..='\u{036F}')
}

/// CJK unified ideographs with extensions A to H, compatibility ideographs, and the ideographic zero.
const fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests;
