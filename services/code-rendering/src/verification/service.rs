//! Verifies a token: whether it is valid, and whether its colour is still in force.

use std::sync::Arc;

use lutong_kernel::{Clock, Colour, Fault, SubjectId, Timestamp};
use lutong_token::{Claims, Expectations, Kind, Mask, Outcome, verify_own};
use lutong_transport::access::BearerPermit;

use crate::codes::service::Codes;
use crate::fault;
use crate::issued_codes::domain::{End, State};
use crate::issued_codes::service::IssuedCodes;
use crate::keys::service::Keys;

/// What a door accepts. A card code does not follow the colour, and is no pass.
const AT_DOORS: [Kind; 3] = [Kind::Dynamic, Kind::Paper, Kind::Device];
/// What the reader of a hospital accepts.
const AT_HOSPITALS: [Kind; 4] = [Kind::Dynamic, Kind::Paper, Kind::Device, Kind::Card];

/// The outcome of a verification.
#[derive(Debug)]
pub struct VerificationResult {
    pub outcome: Outcome,
    /// The colour in force; present for a valid and for a superseded token.
    pub colour: Option<Colour>,
    pub mask: Option<Mask>,
    pub at: Timestamp,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Verification {
    pub codes: Codes,
    pub issued_codes: IssuedCodes,
    pub keys: Keys,
    pub clock: Arc<dyn Clock>,
}

/// What a token with a valid signature is about.
enum Holder {
    /// Of this person, and it stands.
    Known(SubjectId),
    /// Of this person, whose colour has changed since it was issued.
    Changed(SubjectId),
    /// It proves nothing.
    Refused(Outcome),
}

/// As of when a token is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// This instant, which is the present.
    Now(Timestamp),
    /// The instant at which a door scanned it: what was ended or revoked since was good then.
    Scan(Timestamp),
}

impl AsOf {
    const fn instant(self) -> Timestamp {
        match self {
            Self::Now(at) | Self::Scan(at) => at,
        }
    }
}

/// The person whose token was verified: whoever showed it lets their code be read.
#[derive(Debug, Clone, Copy)]
pub struct BearerSubject(SubjectId);

impl BearerSubject {
    pub const fn id(self) -> SubjectId {
        self.0
    }
}

/// A token that was verified.
#[derive(Debug)]
pub struct VerifiedToken {
    pub claims: Claims,
    /// Whether the colour of the holder has changed since it was issued.
    pub is_changed: bool,
}

/// Whose a token is, whatever the colour.
#[derive(Debug, Clone, Copy)]
pub struct ResolvedToken {
    pub subject: SubjectId,
    /// Whether the colour of the holder has changed since it was issued.
    pub is_changed: bool,
    pub kind: Kind,
}

impl Verification {
    /// Whose a token is, or why it proves nothing.
    pub async fn resolve(
        &self,
        permit: BearerPermit,
        token: &str,
    ) -> Result<Result<ResolvedToken, Outcome>, Fault> {
        let as_of = AsOf::Now(self.clock.now());
        let held = self.holder_of(permit, token, as_of, &AT_HOSPITALS).await?;
        let (bearer, verified) = match held {
            Ok(held) => held,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let Some(row) = self.codes.find(bearer.id()).await? else {
            return Ok(Err(Outcome::Revoked));
        };
        let kind = verified.claims.kind();
        let is_changed = verified.is_changed || row.code.colour != verified.claims.colour();
        Ok(Ok(ResolvedToken {
            subject: bearer.id(),
            // A card code says nothing of the colour that it was issued with.
            is_changed: is_changed && kind != Kind::Card,
            kind,
        }))
    }

    /// Verifies a token and compares it with the code in force. A bad token is an outcome, not an error.
    pub async fn verify(&self, permit: BearerPermit, token: &str) -> Result<VerificationResult, Fault> {
        self.verify_held(permit, token).await.map(|(result, _)| result)
    }

    /// As [`Self::verify`], with the holder of a token that was not refused.
    pub async fn verify_held(
        &self,
        permit: BearerPermit,
        token: &str,
    ) -> Result<(VerificationResult, Option<SubjectId>), Fault> {
        let verified_at = self.clock.now();
        let refused = |outcome| VerificationResult {
            outcome,
            colour: None,
            mask: None,
            at: verified_at,
        };
        let (subject, verified) = match self.holder(permit, token, AsOf::Now(verified_at)).await? {
            Ok(holder) => holder,
            Err(outcome) => return Ok((refused(outcome), None)),
        };
        let Some(row) = self.codes.find(subject.id()).await? else {
            return Ok((refused(Outcome::Revoked), None));
        };
        if row.code.awaits_decision(verified_at) {
            return Err(fault::code_refreshing());
        }
        let VerifiedToken { claims, is_changed } = verified;
        let in_force = !is_changed && row.code.colour == claims.colour();
        let result = VerificationResult {
            outcome: if in_force {
                Outcome::Valid
            } else {
                Outcome::Superseded
            },
            colour: Some(row.code.colour),
            mask: claims.mask().filter(|_| in_force).cloned(),
            at: verified_at,
        };
        Ok((result, Some(subject.id())))
    }

    /// Whose token it is that was shown at a door, or why it proves nothing.
    pub async fn holder(
        &self,
        permit: BearerPermit,
        token: &str,
        as_of: AsOf,
    ) -> Result<Result<(BearerSubject, VerifiedToken), Outcome>, Fault> {
        self.holder_of(permit, token, as_of, &AT_DOORS).await
    }

    async fn holder_of(
        &self,
        _permit: BearerPermit,
        token: &str,
        as_of: AsOf,
        kinds: &[Kind],
    ) -> Result<Result<(BearerSubject, VerifiedToken), Outcome>, Fault> {
        let ring = self.keys.ring().await?;
        let expected = Expectations::kinds(kinds).from_issuers(&[self.keys.issuer()]);
        let keys = (&ring.trusted, &ring.signer);
        let claims = match verify_own(token, keys, as_of.instant(), &expected) {
            Ok(claims) => claims,
            Err(outcome) => return Ok(Err(outcome)),
        };
        let holder = match claims.kind() {
            Kind::Dynamic => self.holder_of_dynamic(&claims),
            Kind::Paper | Kind::Device | Kind::Card => self.holder_of_issued(&claims, as_of).await?,
        };
        let (subject, is_changed) = match holder {
            Holder::Known(subject) => (subject, false),
            Holder::Changed(subject) => (subject, true),
            Holder::Refused(outcome) => return Ok(Err(outcome)),
        };
        Ok(Ok((BearerSubject(subject), VerifiedToken { claims, is_changed })))
    }

    fn holder_of_dynamic(&self, claims: &Claims) -> Holder {
        let opened = self
            .keys
            .dynamic_id()
            .open(claims.token_id(), claims.expires_at());
        if let Some(subject) = opened {
            return Holder::Known(SubjectId::from_uuid(subject));
        }
        tracing::error!("a token with our signature has an id that cannot be decrypted");
        Holder::Refused(Outcome::BadSignature)
    }

    async fn holder_of_issued(&self, claims: &Claims, as_of: AsOf) -> Result<Holder, Fault> {
        let found = self
            .issued_codes
            .find_by_token(claims.token_id().as_bytes())
            .await?;
        let Some(issued) = found else {
            // Its transaction was rolled back after it was signed, or somebody else has the key.
            return Ok(Holder::Refused(Outcome::Revoked));
        };
        let has_ended_since = |end: End| match as_of {
            // Another replica may have ended it by a clock that is ahead.
            AsOf::Now(_) => false,
            AsOf::Scan(at) => at < end.at,
        };
        Ok(match issued.state(as_of.instant()) {
            // Within the tolerance for different clocks after its end.
            State::Active | State::Expired => Holder::Known(issued.subject),
            State::Revoked => Holder::Changed(issued.subject),
            State::Ended if issued.end.is_some_and(has_ended_since) => Holder::Known(issued.subject),
            State::Ended => Holder::Refused(Outcome::Revoked),
        })
    }
}
