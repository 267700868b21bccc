//! Claim 1: the province that issued a token.

use std::fmt;
use std::str::FromStr;

use lutong_kernel::DivisionCode;

/// A province by the first two digits of its GB/T 2260 code. Written with two digits; `370000` reads as the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Issuer(u8);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is a province: two digits of GB/T 2260, or six that end in 0000")]
pub struct IssuerError;

impl Issuer {
    /// Shandong.
    pub const SHANDONG: Self = Self(37);

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

    pub(crate) const fn digits(self) -> [u8; 2] {
        [b'0' + self.0 / 10, b'0' + self.0 % 10]
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_and_six_digits_are_the_same_province() {
        assert_eq!(Issuer::parse("37"), Ok(Issuer::SHANDONG));
        assert_eq!(Issuer::parse("370000"), Ok(Issuer::SHANDONG));
        assert_eq!(
            Issuer::of(DivisionCode::parse("370202001").unwrap()),
            Issuer::SHANDONG
        );
        assert_eq!(Issuer::SHANDONG.to_string(), "37");
    }

    #[test]
    fn a_city_or_anything_else_is_no_issuer() {
        for bad in [
            "", "3", "370", "370200", "07", "070000", "3a", "３７", "37 ", "3700000",
        ] {
            assert_eq!(Issuer::parse(bad), Err(IssuerError), "{bad}");
        }
    }
}
