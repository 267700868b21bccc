//! Claim 1: the province that issued a token.

use std::fmt;

use lutong_kernel::DivisionCode;

/// A province, as the first two digits of its GB/T 2260 code. Written with two digits; six digits `370000` are read as the
/// same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer(u8);

/// A text that is not a province.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is a province: two digits of GB/T 2260, or six that end in 0000")]
pub struct IssuerError;

impl Issuer {
    /// Shandong.
    pub const SHANDONG: Self = Self(37);

    /// Reads two digits, or six that end in `0000`.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let two = match text.len() {
            2 => text,
            6 => text.strip_suffix("0000").ok_or(IssuerError)?,
            _ => return Err(IssuerError),
        };
        match two.as_bytes() {
            [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => Ok(Self((tens - b'0') * 10 + (ones - b'0'))),
            _ => Err(IssuerError),
        }
    }

    /// The province that a place lies in.
    pub const fn of(place: DivisionCode) -> Self {
        Self(place.province())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_and_six_digits_are_the_same_province_and_are_written_with_two() {
        for number in 10..=99 {
            let two = number.to_string();
            let issuer = Issuer::parse(&two).unwrap();
            assert_eq!(Issuer::parse(&format!("{two}0000")), Ok(issuer));
            assert_eq!(issuer.to_string(), two);
        }
        assert_eq!(Issuer::parse("37"), Ok(Issuer::SHANDONG));
    }

    #[test]
    fn the_issuer_of_a_place_is_its_province() {
        for place in ["370000", "370202", "370202001"] {
            assert_eq!(
                Issuer::of(DivisionCode::parse(place).unwrap()),
                Issuer::SHANDONG,
                "{place}"
            );
        }
    }

    #[test]
    fn a_city_or_another_form_is_not_an_issuer() {
        for bad in [
            "", "3", "370", "370200", "07", "070000", "3a", ":0", "/7", "3:", "３７", "37 ", "3700000",
        ] {
            assert_eq!(Issuer::parse(bad), Err(IssuerError), "{bad}");
        }
    }
}
