//! Personal names: Han (CJK extensions included), minority names with the middle dot, Latin of passports.

use unicode_normalization::UnicodeNormalization as _;

use crate::secret::Secret;

/// A name as its holder writes it, NFC, without outer blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(Secret<String>);

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
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "NAME_MISSING",
            Self::TooLong => "NAME_TOO_LONG",
            Self::Characters => "NAME_CHARACTERS",
        }
    }

    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写姓名",
            Self::TooLong => "姓名最多100个字符",
            Self::Characters => "姓名只能包含文字、间隔号“·”、空格、连字符和撇号",
        }
    }
}

impl PersonName {
    pub fn parse(text: &str) -> Result<Self, NameError> {
        // Bounds the work before normalising: no name of 100 characters is longer.
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
        let mut letters = 0;
        for c in name.chars() {
            if c.is_alphabetic() {
                letters += 1;
            } else if !matches!(c, '·' | ' ' | '-' | '\'' | '’' | '.') && !is_mark(c) {
                return Err(NameError::Characters);
            }
        }
        // A mark at the beginning would combine with whatever stands before the name.
        if letters == 0 || name.starts_with(crate::text::is_mark) {
            return Err(NameError::Characters);
        }
        Ok(Self(Secret::new(name)))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What a door may see: the last character of a Han name, the initial of any other.
    pub fn mask(&self) -> String {
        let name = self.expose();
        match name.chars().next_back() {
            Some(last) if is_han(last) => format!("*{last}"),
            _ => name
                .chars()
                .next()
                .map(|first| format!("{first}*"))
                .unwrap_or_default(),
        }
    }
}

/// The dots that input methods produce for the one of the standard.
const fn is_dot(c: char) -> bool {
    matches!(c, '\u{2022}' | '\u{2027}' | '\u{30FB}' | '\u{FF0E}' | '\u{FF65}')
}

/// Combining marks that NFC leaves alone.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}')
}

/// CJK unified ideographs, extensions A to H, and the ideographic zero.
const fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_register_are_accepted_and_masked() {
        for (name, mask) in [
            ("王小明", "*明"),
            ("买买提·艾力", "*力"),
            ("𠮷田", "*田"),
            ("Anne-Marie O'Neil", "A*"),
            ("李𬸪", "*𬸪"),
        ] {
            assert_eq!(PersonName::parse(name).unwrap().mask(), mask, "{name}");
        }
    }

    #[test]
    fn the_dots_of_input_methods_become_the_one_of_the_standard() {
        assert_eq!(PersonName::parse("买买提•艾力").unwrap().expose(), "买买提·艾力");
    }

    #[test]
    fn empty_long_and_odd_names_are_refused() {
        assert_eq!(PersonName::parse("  "), Err(NameError::Empty));
        assert_eq!(PersonName::parse(&"王".repeat(101)), Err(NameError::TooLong));
        assert_eq!(PersonName::parse(&"x".repeat(1 << 20)), Err(NameError::TooLong));
        for bad in [
            "王<script>",
            "王1",
            "···",
            "王\u{0}",
            "王\n小",
            "\u{301}王",
            "\u{5b0}王",
            "王\u{200b}小",
            "王\u{202e}小",
            "王\u{e0041}",
        ] {
            assert_eq!(PersonName::parse(bad), Err(NameError::Characters), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_not_printed() {
        assert!(!format!("{:?}", PersonName::parse("王小明").unwrap()).contains('王'));
    }
}
