//! Claim −65003: the holder as a door may see them.

use std::fmt;

use lutong_kernel::Secret;

/// One character of a name, with or without one `*` beside it: `*明`, `A*`. At most [`Mask::MAX_BYTES`] bytes of
/// UTF-8, which is what a dynamic token has room for. Not printed: it is still about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(Secret<String>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    #[error("a mask has at most {} bytes", Mask::MAX_BYTES)]
    TooLong,
    #[error("a mask shows exactly one character of the name, with at most one * before or after it")]
    Shape,
}

impl Mask {
    /// The longest character of UTF-8 and one `*`.
    pub const MAX_BYTES: usize = 5;

    /// Takes what `PersonName::mask` gives.
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

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Letters, and the few signs that a name may begin with. Nothing that a screen acts upon instead of showing it.
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
    fn what_the_kernel_masks_is_a_mask() {
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
        assert!(!format!("{mask} {mask:?}").contains('明'));
    }
}
