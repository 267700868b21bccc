//! The claims of a token and the rules that they obey together.

mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

use lutong_kernel::{Colour, Timestamp};
use strum::{Display, IntoStaticStr, VariantArray};

use crate::algorithm::Algorithm;
use crate::issuer::Issuer;
use crate::mask::Mask;
use crate::verifying_key::VerifyingKey;

/// Lifetime of a dynamic token, and of what a telephone signs with its own key.
pub const DYNAMIC_LIFE_SECONDS: i64 = 60;
/// Longest lifetime of a token that is bound to a device: until then a door without a connection may not know that it was revoked.
pub const MAX_DEVICE_LIFE_SECONDS: i64 = 24 * 60 * 60;

/// The kind of a token: claim −65001. The text form is lower-case: `dynamic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Kind {
    /// Shown on a screen, valid for 60 s.
    Dynamic,
    /// Printed for a person without a telephone, valid for 14 days.
    Paper,
    /// Presented to the reader of a hospital (刷卡).
    Card,
    /// Bound to the key of a telephone, which shows it without a connection for a day at most.
    Device,
}

impl Kind {
    /// The number of the claim.
    pub const fn wire_code(self) -> u8 {
        match self {
            Self::Dynamic => 1,
            Self::Paper => 2,
            Self::Card => 3,
            Self::Device => 4,
        }
    }

    /// The kind with this number, or `None`.
    pub const fn from_wire_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Dynamic),
            2 => Some(Self::Paper),
            3 => Some(Self::Card),
            4 => Some(Self::Device),
            _ => None,
        }
    }

    /// The lengths that a token id may have, in bytes.
    const fn id_lengths(self) -> RangeInclusive<usize> {
        match self {
            Self::Dynamic => 24..=TokenId::MAX_BYTES,
            Self::Paper | Self::Card | Self::Device => 16..=16,
        }
    }
}

/// Claim 7. A dynamic token has 24 to 32 encrypted bytes, which only the issuer can decrypt; a paper or card token has 16
/// random bytes, which the issuer stores.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId {
    bytes: [u8; Self::MAX_BYTES],
    length: u8,
}

impl TokenId {
    pub const MAX_BYTES: usize = 32;

    #[allow(clippy::cast_possible_truncation)] // at most 32
    fn try_new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            bytes,
            length: id.len() as u8,
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

/// The claims of a token. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    issuer: Issuer,
    not_before: Timestamp,
    expires_at: Timestamp,
    token_id: TokenId,
    kind: Kind,
    colour: Colour,
    mask: Option<Mask>,
    holder_key: Option<Box<VerifyingKey>>,
}

/// The rule that a set of claims breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    #[error("a token's times lie between 1970 and 2106")]
    OutOfRange,
    #[error("a token ends after it begins")]
    Empty,
    #[error("a dynamic token's id has 24 to 32 bytes, that of every other token 16")]
    TokenId,
    #[error("a token that is bound to a device is valid for 24 hours at most")]
    TooLong,
    #[error("a token that is bound to a device has the P-256 key of the device, no other token has one")]
    HolderKey,
}

impl Claims {
    /// The claims of a token for a screen, valid for 60 s from `issued_at`, rounded down to the second. `token_id` is the
    /// result of [`crate::DynamicIdKey::seal`] for the same instant.
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
            (colour, mask),
            None,
        )
    }

    /// The claims of a token for paper, valid from `from` until before `until`, both rounded down to the second. `token_id`
    /// is random.
    pub fn paper(
        issuer: Issuer,
        (from, until): (Timestamp, Timestamp),
        token_id: [u8; 16],
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        Self::try_new(issuer, from, until, &token_id, Kind::Paper, (colour, mask), None)
    }

    /// The claims of a token for the reader of a hospital. The arguments are those of [`Self::paper`].
    pub fn card(
        issuer: Issuer,
        (from, until): (Timestamp, Timestamp),
        token_id: [u8; 16],
        colour: Colour,
        mask: Option<Mask>,
    ) -> Result<Self, ClaimsError> {
        Self::try_new(issuer, from, until, &token_id, Kind::Card, (colour, mask), None)
    }

    /// The claims of a token that only the owner of `holder_key` can show, with [`SigningKey::present`](crate::SigningKey::present).
    /// The key is one of P-256. The other arguments are those of [`Self::paper`], for 24 hours at most.
    pub fn device(
        issuer: Issuer,
        (from, until): (Timestamp, Timestamp),
        token_id: [u8; 16],
        holder_key: VerifyingKey,
        (colour, mask): (Colour, Option<Mask>),
    ) -> Result<Self, ClaimsError> {
        let kind = Kind::Device;
        Self::try_new(
            issuer,
            from,
            until,
            &token_id,
            kind,
            (colour, mask),
            Some(holder_key),
        )
    }

    fn try_new(
        issuer: Issuer,
        not_before: Timestamp,
        expires_at: Timestamp,
        token_id: &[u8],
        kind: Kind,
        (colour, mask): (Colour, Option<Mask>),
        holder_key: Option<VerifyingKey>,
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
        if !kind.id_lengths().contains(&token_id.len()) {
            return Err(ClaimsError::TokenId);
        }
        let token_id = TokenId::try_new(token_id).ok_or(ClaimsError::TokenId)?;
        let is_device = kind == Kind::Device;
        if is_device && not_before.plus_seconds(MAX_DEVICE_LIFE_SECONDS) < expires_at {
            return Err(ClaimsError::TooLong);
        }
        if holder_key.as_ref().map(VerifyingKey::algorithm) != is_device.then_some(Algorithm::Es256) {
            return Err(ClaimsError::HolderKey);
        }
        Ok(Self {
            issuer,
            not_before,
            expires_at,
            token_id,
            kind,
            colour,
            mask,
            holder_key: holder_key.map(Box::new),
        })
    }

    pub const fn issuer(&self) -> Issuer {
        self.issuer
    }

    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The first instant at which the token is no longer valid.
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

    /// The key of the device that the token is bound to; `None` for every other kind.
    pub fn holder_key(&self) -> Option<&VerifyingKey> {
        self.holder_key.as_deref()
    }
}
