//! Telephone numbers: 11 digits for a mobile of +86, E.164 elsewhere.

use crate::secret::Secret;

/// A number in E.164: `+8613800138000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mobile(Secret<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MobileError {
    #[error("a mobile number is required")]
    Empty,
    #[error("a mobile number has 11 digits beginning with 1 (+86), or is E.164: + and 7 to 15 digits")]
    Shape,
}

impl MobileError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "MOBILE_MISSING",
            Self::Shape => "MOBILE_SHAPE",
        }
    }

    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写手机号码",
            Self::Shape => "手机号码应为以1开头的11位数字，境外号码以+开头（E.164）",
        }
    }
}

impl Mobile {
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

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_and_international_numbers_read_as_e164() {
        assert_eq!(Mobile::parse("138 0013 8000").unwrap().expose(), "+8613800138000");
        assert_eq!(Mobile::parse("+33612345678").unwrap().expose(), "+33612345678");
        for bad in [
            "",
            "12345",
            "23800138000",
            "+8612",
            "+0123456789",
            "1380013800a",
            "１３８００１３８０００",
        ] {
            assert!(Mobile::parse(bad).is_err(), "{bad}");
        }
    }
}
