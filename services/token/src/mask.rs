//! Claim −65003: the part of the holder's name that a checkpoint may see.

use std::fmt;

use lutong_kernel::Secret;

/// One character of a name with at most one `*` before or after it: `*明`, `A*`. It has at most [`Mask::MAX_BYTES`] bytes
/// of UTF-8, the room of a dynamic token. It prints as `***`, since it is personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Secret<String>);

/// The rule that a mask breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    #[error("a mask has at most {} bytes", Mask::MAX_BYTES)]
    TooLong,
    #[error("a mask shows exactly one character of the name, with at most one * before or after it")]
    Shape,
}

impl Mask {
    /// Four bytes for the character and one for `*`.
    pub const MAX_BYTES: usize = 5;

    /// Reads a mask as `PersonName::mask` of the kernel makes it.
    pub fn try_new(text: &str) -> Result<Self, MaskError> {
        if text.len() > Self::MAX_BYTES {
            return Err(MaskError::TooLong);
        }
        let shown = text
            .strip_prefix('*')
            .or_else(|| text.strip_suffix('*'))
            .unwrap_or(text);
        let mut characters = shown.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) if may_be_shown(only) => Ok(Self(Secret::new(text.to_owned()))),
            _ => Err(MaskError::Shape),
        }
    }

    /// The mask in clear.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Letters, and the punctuation that a name may begin with. Control and format characters are not among them: a screen
/// would act upon them.
fn may_be_shown(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '·' | '-' | '\'' | '’' | '.')
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::name::PersonName;

    use super::*;

    #[test]
    fn every_mask_of_a_name_is_accepted() {
        for name in [
            "王小明",
            "买买提·艾力",
            "李𬸪",
            "Anne-Marie O'Neil",
            "Øyvind",
            "'Abd",
        ] {
            let mask = PersonName::parse(name).unwrap().mask();
            assert_eq!(Mask::try_new(&mask).unwrap().expose(), mask);
        }
    }

    #[test]
    fn a_mask_is_one_letter_or_punctuation_of_names_with_at_most_one_star() {
        for good in ["明", "*明", "明*", "A*", "*𬸪", "·*", "-*", "'*", "’*", ".*"] {
            assert_eq!(Mask::try_new(good).unwrap().expose(), good);
        }
    }

    #[test]
    fn more_than_one_character_of_a_name_is_refused() {
        assert_eq!(Mask::try_new("*小明"), Err(MaskError::TooLong));
        assert_eq!(Mask::try_new("张三李四"), Err(MaskError::TooLong));
        for bad in [
            "", "*", "**", "AB", "AB*", "*A*", "A\n", "\u{202E}", "1", "<*", "\u{0}*",
        ] {
            assert_eq!(Mask::try_new(bad), Err(MaskError::Shape), "{bad:?}");
        }
    }

    #[test]
    fn a_mask_is_not_printed() {
        let mask = Mask::try_new("*明").unwrap();
        assert_eq!(mask.to_string(), "***");
        assert!(!format!("{mask:?}").contains('明'));
    }
}
