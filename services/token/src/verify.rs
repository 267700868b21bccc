//! Verification of a token. The README gives the order of the checks and its reasons.

#[cfg(test)]
mod tests;

use lutong_kernel::Timestamp;
use strum::{Display, IntoStaticStr, VariantArray};

use crate::claims::{Claims, Kind};
use crate::envelope::UnverifiedToken;
use crate::issuer::Issuer;
use crate::key::SigningKey;
use crate::kid::Kid;
use crate::revocation::Revocations;
use crate::trust::{CLOCK_TOLERANCE_SECONDS, VerifyingKeys};

/// The result of a verification. The text form is the upper-case word of the format: `BAD_SIGNATURE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Outcome {
    Valid,
    Expired,
    NotYetValid,
    /// The key was revoked, or this one code. [`verify`] answers for the key, code-rendering for the code.
    Revoked,
    /// The person's colour or code has changed since. Only code-rendering answers this.
    Superseded,
    /// No key in force has the token's kid.
    WrongKey,
    BadSignature,
    /// The caller does not accept tokens of this kind.
    WrongKind,
    /// The key may not sign for the province of the token, or the caller does not accept that province.
    WrongIssuer,
    Unreadable,
}

/// What the caller accepts besides a valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectations {
    /// The accepted kinds; `None` for every kind.
    pub kinds: Option<Vec<Kind>>,
    /// The accepted provinces; `None` for every province that the key may sign for.
    pub issuers: Option<Vec<Issuer>>,
}

impl Expectations {
    /// Every kind of every province.
    pub const fn anything() -> Self {
        Self {
            kinds: None,
            issuers: None,
        }
    }

    /// These kinds of every province.
    pub fn kinds(kinds: &[Kind]) -> Self {
        Self {
            kinds: Some(kinds.to_vec()),
            issuers: None,
        }
    }

    /// Restricts the provinces.
    #[must_use]
    pub fn from_issuers(mut self, issuers: &[Issuer]) -> Self {
        self.issuers = Some(issuers.to_vec());
        self
    }
}

/// The result of a verification without a connection that is not a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfflineOutcome {
    /// As [`verify`] answers, or REVOKED by the revocation list.
    #[error("{0}")]
    Refused(Outcome),
    /// The revocation list is older than it says it may be used: whether this code was revoked is not known. Never answered for a dynamic
    /// token.
    #[error("the revocation list is too old")]
    ListTooOld,
}

/// Verifies a token and returns its claims, or the outcome of the first check that fails, which is neither
/// [`Outcome::Valid`] nor [`Outcome::Superseded`].
pub fn verify(
    text: &str,
    keys: &VerifyingKeys,
    now: Timestamp,
    expectations: &Expectations,
) -> Result<Claims, Outcome> {
    verify_unless(text, (keys, None), now, expectations, |_| false)
}

/// As [`verify`], for whoever has a key that signs, which is among `keys`. A token that it signed costs half: where the algorithm has no
/// random nonces, its signature is the one that the key makes again. The outcome is the same for every token.
pub fn verify_own(
    text: &str,
    (keys, own): (&VerifyingKeys, &SigningKey),
    now: Timestamp,
    expectations: &Expectations,
) -> Result<Claims, Outcome> {
    verify_unless(text, (keys, Some(own)), now, expectations, |_| false)
}

/// Verifies a token without a connection: as [`verify`], and against the revocation list. A dynamic token needs no list that is new: it is
/// over before a list could name it.
pub fn verify_offline(
    text: &str,
    keys: &VerifyingKeys,
    revocations: &Revocations,
    now: Timestamp,
    expectations: &Expectations,
) -> Result<Claims, OfflineOutcome> {
    let is_revoked = |kid| revocations.has_key(kid, now);
    let verified = verify_unless(text, (keys, None), now, expectations, is_revoked);
    let claims = verified.map_err(OfflineOutcome::Refused)?;
    if claims.kind() == Kind::Dynamic {
        return Ok(claims);
    }
    if revocations.has_token(claims.token_id()) {
        return Err(OfflineOutcome::Refused(Outcome::Revoked));
    }
    if !revocations.is_current(now) {
        return Err(OfflineOutcome::ListTooOld);
    }
    Ok(claims)
}

/// [`verify`] with keys that are revoked besides those that say so themselves.
fn verify_unless(
    text: &str,
    (keys, own): (&VerifyingKeys, Option<&SigningKey>),
    now: Timestamp,
    expectations: &Expectations,
    is_revoked: impl Fn(Kid) -> bool,
) -> Result<Claims, Outcome> {
    let token = UnverifiedToken::parse(text).map_err(|_| Outcome::Unreadable)?;
    let trusted = keys.get(token.kid()).ok_or(Outcome::WrongKey)?;
    let own = own.filter(|own| *own.verifying_key() == trusted.key);
    let is_own = |message: &[u8], signature: &[u8]| own.is_some_and(|own| own.signs_as(message, signature));
    if !token.is_signed_by(&trusted.key, is_own) {
        return Err(Outcome::BadSignature);
    }
    let (valid_from, valid_until) = token.validity();
    let claims = token.into_claims();
    if trusted.is_revoked(now) || is_revoked(trusted.key.kid()) {
        return Err(Outcome::Revoked);
    }
    let issuer = claims.issuer();
    if !trusted.issuers.contains(&issuer) || !accepts(expectations.issuers.as_deref(), &issuer) {
        return Err(Outcome::WrongIssuer);
    }
    let later = |at: Timestamp| at.plus_seconds(CLOCK_TOLERANCE_SECONDS);
    let key_has_ended = trusted.not_after.is_some_and(|end| later(end) <= now);
    if key_has_ended || later(claims.not_before()) < trusted.not_before {
        return Err(Outcome::WrongKey);
    }
    if !accepts(expectations.kinds.as_deref(), &claims.kind()) {
        return Err(Outcome::WrongKind);
    }
    if later(now) < valid_from {
        return Err(Outcome::NotYetValid);
    }
    if later(valid_until) <= now {
        return Err(Outcome::Expired);
    }
    Ok(claims)
}

fn accepts<T: PartialEq>(accepted: Option<&[T]>, value: &T) -> bool {
    accepted.is_none_or(|accepted| accepted.contains(value))
}
