//! Verifies a token: whether it is valid, and whether its colour is still in force.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Colour, Fault, SubjectId, Timestamp};
use lutong_token::{Expectations, Issuer, Kind, Mask, Outcome, verify};
use lutong_transport::access::BearerPermit;

use crate::codes::service::Codes;
use crate::keys::service::Keys;
use crate::showing::service::refreshing;

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
    codes: Codes,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Verification {
    pub fn new(codes: Codes, keys: Keys, foundation: &Foundation) -> Self {
        Self {
            codes,
            keys,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Verifies a token and compares it with the code in force. A bad token is an outcome, not an error.
    pub async fn verify(&self, _permit: BearerPermit, token: &str) -> Result<VerificationResult, Fault> {
        let verified_at = self.clock.now();
        let ring = self.keys.ring().await?;
        // Paper and card codes are not issued yet, so that only dynamic tokens are accepted.
        let expected = Expectations::kinds(&[Kind::Dynamic]).from_issuers(&[Issuer::SHANDONG]);
        let refused = |outcome| VerificationResult {
            outcome,
            colour: None,
            mask: None,
            at: verified_at,
        };
        let claims = match verify(token, &ring.trusted, verified_at, &expected) {
            Ok(claims) => claims,
            Err(outcome) => return Ok(refused(outcome)),
        };
        let Some(subject) = self
            .keys
            .dynamic_id()
            .open(claims.token_id(), claims.expires_at())
        else {
            tracing::error!("a token with our signature has an id that cannot be decrypted");
            return Ok(refused(Outcome::BadSignature));
        };
        let Some(row) = self.codes.find(SubjectId::from_uuid(subject)).await? else {
            return Ok(refused(Outcome::Revoked));
        };
        if row.code.awaits_decision(verified_at) {
            return Err(refreshing());
        }
        let in_force = row.code.colour == claims.colour();
        Ok(VerificationResult {
            outcome: if in_force {
                Outcome::Valid
            } else {
                Outcome::Superseded
            },
            colour: Some(row.code.colour),
            mask: claims.mask().filter(|_| in_force).cloned(),
            at: verified_at,
        })
    }
}
