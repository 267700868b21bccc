//! Mobile telephone numbers: 11 digits within +86, E.164 for every country.

use crate::secret::Secret;

/// A mobile number in the form of ITU-T E.164: `+` and at most 15 digits, `+8613800138000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mobile(Secret<String>);

/// The rule that a mobile number breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MobileError {
    #[error("a mobile number is required")]
    Empty,
    #[error("a mobile number has 11 digits beginning with 1 (+86), or is E.164: + and 7 to 15 digits")]
    Shape,
}

impl MobileError {
    /// The stable code of the rule, `UPPER_SNAKE`.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "MOBILE_MISSING",
            Self::Shape => "MOBILE_SHAPE",
        }
    }

    /// The rule in Chinese.
    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写手机号码",
            Self::Shape => "手机号码应为以1开头的11位数字，境外号码以+开头（E.164）",
        }
    }
}

impl Mobile {
    /// Reads a number with or without `+` and country code; without one it is a number of +86. Blanks and hyphens are
    /// removed.
    pub fn parse(text: &str) -> Result<Self, MobileError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(MobileError::Empty);
        }
        if text.len() > 32 {
            return Err(MobileError::Shape);
        }
        let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let number = match compact.strip_prefix('+') {
            Some(_) => compact,
            None => format!("+86{compact}"),
        };
        let digits = &number[1..];
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return Err(MobileError::Shape);
        }
        let fits = match digits.strip_prefix("86") {
            Some(national) => national.len() == 11 && national.starts_with('1'),
            None => (7..=15).contains(&digits.len()),
        };
        if fits {
            Ok(Self(Secret::new(number)))
        } else {
            Err(MobileError::Shape)
        }
    }

    /// The number in clear, with `+`.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, MobileError> {
        Mobile::parse(text).map(|number| number.expose().to_owned())
    }

    #[test]
    fn a_number_without_a_country_code_is_a_mobile_number_of_86() {
        for text in [
            "13800138000",
            " 138 0013-8000 ",
            "+86 138 0013 8000",
            "+86-13800138000",
        ] {
            assert_eq!(parse(text).as_deref(), Ok("+8613800138000"), "{text}");
        }
    }

    #[test]
    fn a_mobile_number_of_86_has_11_digits_and_begins_with_1() {
        for bad in [
            "12345",
            "23800138000",
            "1380013800",
            "138001380000",
            "+8612",
            "+8623800138000",
            "+86",
        ] {
            assert_eq!(parse(bad), Err(MobileError::Shape), "{bad}");
        }
    }

    /// E.164 allows 15 digits at most and begins every country code with 1 to 9.
    #[test]
    fn a_number_of_another_country_has_7_to_15_digits_and_does_not_begin_with_0() {
        for good in ["+33612345678", "+2901234", "+123456789012345"] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
        for bad in [
            "+290123",
            "+1234567890123456",
            "+0123456789",
            "+",
            "++33612345678",
        ] {
            assert_eq!(parse(bad), Err(MobileError::Shape), "{bad}");
        }
    }

    #[test]
    fn other_characters_than_ascii_digits_are_refused() {
        for bad in [
            "1380013800a",
            "１３８００１３８０００",
            "138.0013.8000",
            "(138)00138000",
            "+33６12345678",
        ] {
            assert_eq!(parse(bad), Err(MobileError::Shape), "{bad}");
        }
    }

    #[test]
    fn a_text_of_more_than_32_bytes_is_refused_whatever_it_holds() {
        let spaced = |blanks: usize| parse(&format!("138{}00138000", " ".repeat(blanks)));
        assert_eq!(spaced(21).as_deref(), Ok("+8613800138000"));
        assert_eq!(spaced(22), Err(MobileError::Shape));
    }

    #[test]
    fn an_empty_text_is_a_missing_number() {
        for empty in ["", "  "] {
            assert_eq!(parse(empty), Err(MobileError::Empty));
        }
        assert_eq!(
            [MobileError::Empty.reason(), MobileError::Empty.zh()],
            ["MOBILE_MISSING", "请填写手机号码"]
        );
        assert_eq!(
            [MobileError::Shape.reason(), MobileError::Shape.zh()],
            [
                "MOBILE_SHAPE",
                "手机号码应为以1开头的11位数字，境外号码以+开头（E.164）"
            ]
        );
    }

    #[test]
    fn a_number_is_not_printed() {
        assert!(!format!("{:?}", Mobile::parse("13800138000").unwrap()).contains("138"));
    }
}
