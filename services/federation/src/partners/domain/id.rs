//! The id of a partner.

use std::fmt;

use lutong_token::Issuer;

/// A province, by the two digits of GB/T 2260, or the national platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartnerId {
    /// The national government-service platform (全国一体化政务服务平台), `00`.
    National,
    Province(Issuer),
}

/// A text that is no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a partner is a province, two digits of GB/T 2260, or 00 for the national platform")]
pub struct PartnerIdError;

impl PartnerId {
    pub fn parse(text: &str) -> Result<Self, PartnerIdError> {
        if text == "00" {
            return Ok(Self::National);
        }
        let issuer = Issuer::parse(text).map_err(|_| PartnerIdError)?;
        Ok(Self::Province(issuer))
    }

    /// The province, unless it is the national platform.
    pub const fn province(self) -> Option<Issuer> {
        match self {
            Self::National => None,
            Self::Province(issuer) => Some(issuer),
        }
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::National => f.write_str("00"),
            Self::Province(issuer) => fmt::Display::fmt(issuer, f),
        }
    }
}
