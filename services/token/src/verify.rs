//! Whether a token is good here and now. The README gives the order of checks and its reasons.

#[cfg(test)]
mod tests;

use std::fmt;

use lutong_kernel::Timestamp;

use crate::claims::{Claims, Kind};
use crate::envelope::Unverified;
use crate::issuer::Issuer;
use crate::trust::VerifyingKeys;

/// How far the issuer's clock and the verifier's may differ.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 30;

/// What a verification answers: one of these, never two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Valid,
    Expired,
    NotYetValid,
    /// The key (decided here) or this one code (decided by code-rendering) was revoked.
    Revoked,
    /// The person's colour or code has changed since. Decided by code-rendering.
    Superseded,
    /// No key in force has the token's kid.
    WrongKey,
    BadSignature,
    /// A good token of a kind that is not accepted here.
    WrongKind,
    /// The key may not sign for the province that the token names, or that province is not accepted here.
    WrongIssuer,
    Unreadable,
}

impl Outcome {
    pub const ALL: [Self; 10] = [
        Self::Valid,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::Superseded,
        Self::WrongKey,
        Self::BadSignature,
        Self::WrongKind,
        Self::WrongIssuer,
        Self::Unreadable,
    ];

    /// The word of the format, stable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Expired => "EXPIRED",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::Revoked => "REVOKED",
            Self::Superseded => "SUPERSEDED",
            Self::WrongKey => "WRONG_KEY",
            Self::BadSignature => "BAD_SIGNATURE",
            Self::WrongKind => "WRONG_KIND",
            Self::WrongIssuer => "WRONG_ISSUER",
            Self::Unreadable => "UNREADABLE",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the caller accepts at this place. The default accepts every kind of every province whose key is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    /// `None`: every kind.
    pub kinds: Option<Vec<Kind>>,
    /// `None`: every province that the key may sign for.
    pub issuers: Option<Vec<Issuer>>,
}

impl Expectations {
    pub fn anything() -> Self {
        Self::default()
    }

    pub fn kinds(kinds: &[Kind]) -> Self {
        Self {
            kinds: Some(kinds.to_vec()),
            issuers: None,
        }
    }

    #[must_use]
    pub fn from_issuers(mut self, issuers: &[Issuer]) -> Self {
        self.issuers = Some(issuers.to_vec());
        self
    }
}

/// The claims of a token that is good in itself, or the one outcome that says why not; `Err` is never
/// [`Outcome::Valid`] nor [`Outcome::Superseded`].
pub fn verify(
    text: &str,
    keys: &VerifyingKeys,
    now: Timestamp,
    expectations: &Expectations,
) -> Result<Claims, Outcome> {
    let token = Unverified::parse(text).map_err(|_| Outcome::Unreadable)?;
    let trusted = keys.get(token.kid()).ok_or(Outcome::WrongKey)?;
    // The key says which algorithm it is for; the token is not asked.
    if token.algorithm() != trusted.key.algorithm().cose_number()
        || !trusted.key.confirms(&token.to_be_signed(), token.signature())
    {
        return Err(Outcome::BadSignature);
    }
    let claims = token.into_claims();
    if trusted.is_revoked(now) {
        return Err(Outcome::Revoked);
    }
    let issuer = claims.issuer();
    if !trusted.issuers.contains(&issuer) || !accepts(expectations.issuers.as_deref(), &issuer) {
        return Err(Outcome::WrongIssuer);
    }
    let later = |at: Timestamp| at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
    let key_is_over = trusted.not_after.is_some_and(|end| later(end) <= now);
    if key_is_over || later(claims.not_before()) < trusted.not_before {
        return Err(Outcome::WrongKey);
    }
    if !accepts(expectations.kinds.as_deref(), &claims.kind()) {
        return Err(Outcome::WrongKind);
    }
    if later(now) < claims.not_before() {
        return Err(Outcome::NotYetValid);
    }
    if later(claims.expires_at()) <= now {
        return Err(Outcome::Expired);
    }
    Ok(claims)
}

fn accepts<T: PartialEq>(accepted: Option<&[T]>, one: &T) -> bool {
    accepted.is_none_or(|accepted| accepted.contains(one))
}
