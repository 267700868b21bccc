//! What a token states, and when a set of claims makes sense.

mod wire;

#[cfg(test)]
mod tests;

use std::fmt;

use lutong_kernel::{Colour, Timestamp};

use crate::issuer::Issuer;
use crate::mask::Mask;

/// How long a dynamic token is good for.
pub const DYNAMIC_LIFE_SECONDS: i64 = 60;

/// Claim −65001.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Shown on a screen, good for 60 s.
    Dynamic,
    /// Printed for somebody without a phone, good for 14 days.
    Paper,
    /// Held at a hospital's reader (刷卡).
    Card,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Dynamic, Self::Paper, Self::Card];

    pub const fn wire_code(self) -> u8 {
        match self {
            Self::Dynamic => 1,
            Self::Paper => 2,
            Self::Card => 3,
        }
    }

    pub const fn from_wire_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Dynamic),
            2 => Some(Self::Paper),
            3 => Some(Self::Card),
            _ => None,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Paper => "paper",
            Self::Card => "card",
        }
    }

    const fn admits_id_of(self, length: usize) -> bool {
        match self {
            Self::Dynamic => 24 <= length && length <= TokenId::MAX_BYTES,
            Self::Paper | Self::Card => length == 16,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Claim 7. For a dynamic token 24 to 32 sealed bytes that only the issuer can open; for paper and card 16 random
/// bytes that the issuer stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId {
    bytes: [u8; Self::MAX_BYTES],
    length: u8,
}

impl TokenId {
    pub const MAX_BYTES: usize = 32;

    #[allow(clippy::cast_possible_truncation)] // at most 32
    fn try_new(given: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..given.len())?.copy_from_slice(given);
        Some(Self {
            bytes,
            length: given.len() as u8,
        })
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a token states. Times are whole seconds; only a set that makes sense can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    issuer: Issuer,
    not_before: Timestamp,
    expires_at: Timestamp,
    token_id: TokenId,
    kind: Kind,
    colour: Colour,
    mask: Option<Mask>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    #[error("a token's times lie between 1970 and 2106")]
    OutOfRange,
    #[error("a token ends after it begins")]
    Empty,
    #[error("a dynamic token's id has 24 to 32 bytes, a paper or card token's 16")]
    TokenId,
}

impl Claims {
    /// What is shown on a screen from `issued_at` (cut to the second) for 60 s. `token_id` is what
    /// [`crate::DynamicIdKey::seal`] gave for the same instant.
    pub fn dynamic(
        issuer: Issuer,
        issued_at: Timestamp,
        token_id: [u8; 24],
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        let expires_at = issued_at.plus_seconds(DYNAMIC_LIFE_SECONDS);
        Self::try_new(
            issuer,
            issued_at,
            expires_at,
            &token_id,
            Kind::Dynamic,
            colour,
            mask,
        )
    }

    /// What is printed, good from `from` up to `until`.
    pub fn paper(
        issuer: Issuer,
        (from, until): (Timestamp, Timestamp),
        token_id: [u8; 16],
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        Self::try_new(issuer, from, until, &token_id, Kind::Paper, colour, mask)
    }

    /// What a hospital's reader takes, good from `from` up to `until`.
    pub fn card(
        issuer: Issuer,
        (from, until): (Timestamp, Timestamp),
        token_id: [u8; 16],
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        Self::try_new(issuer, from, until, &token_id, Kind::Card, colour, mask)
    }

    fn try_new(
        issuer: Issuer,
        not_before: Timestamp,
        expires_at: Timestamp,
        token_id: &[u8],
        kind: Kind,
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        let not_before = Timestamp::from_seconds(not_before.seconds());
        let expires_at = Timestamp::from_seconds(expires_at.seconds());
        if [not_before, expires_at]
            .iter()
            .any(|at| u32::try_from(at.seconds()).is_err())
        {
            return Err(ClaimsError::OutOfRange);
        }
        if expires_at <= not_before {
            return Err(ClaimsError::Empty);
        }
        if !kind.admits_id_of(token_id.len()) {
            return Err(ClaimsError::TokenId);
        }
        let token_id = TokenId::try_new(token_id).ok_or(ClaimsError::TokenId)?;
        Ok(Self {
            issuer,
            not_before,
            expires_at,
            token_id,
            kind,
            colour,
            mask,
        })
    }

    pub const fn issuer(&self) -> Issuer {
        self.issuer
    }

    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The first instant at which the token is no longer good.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    pub const fn token_id(&self) -> &TokenId {
        &self.token_id
    }

    pub const fn kind(&self) -> Kind {
        self.kind
    }

    pub const fn colour(&self) -> Colour {
        self.colour
    }

    pub const fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }
}
