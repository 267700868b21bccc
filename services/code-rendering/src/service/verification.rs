//! What a door asks: is this token good, and is the code still what it says.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Colour, Fault, SubjectId, Timestamp};
use lutong_token::{Expectations, Issuer, Kind, Mask, Outcome, verify};
use lutong_transport::access::BearerPermit;

use super::codes::Codes;
use super::keys::Keys;
use super::showing::refreshing;

/// What came out.
#[derive(Debug)]
pub struct Verified {
    pub outcome: Outcome,
    /// The colour now; only of a valid or a superseded token.
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

    /// A bad token is an outcome, not an error.
    pub async fn verify(&self, _permit: BearerPermit, token: &str) -> Result<Verified, Fault> {
        let verified_at = self.clock.now();
        let ring = self.keys.ring().await?;
        // Paper and card codes are not issued yet; a door takes what is issued.
        let expected = Expectations::kinds(&[Kind::Dynamic]).from_issuers(&[Issuer::SHANDONG]);
        let refused = |outcome| Verified {
            outcome,
            colour: None,
            mask: None,
            at: verified_at,
        };
        let claims = match verify(token, &ring.trusted, verified_at, &expected) {
            Ok(claims) => claims,
            Err(outcome) => return Ok(refused(outcome)),
        };
        let Some(row) = self
            .keys
            .dynamic_id()
            .open(claims.token_id(), claims.expires_at())
        else {
            tracing::error!("a token of our own signature has an id that does not open");
            return Ok(refused(Outcome::BadSignature));
        };
        let Some(row) = self.codes.find(SubjectId::from_uuid(row)).await? else {
            return Ok(refused(Outcome::Revoked));
        };
        if row.code.awaits_decision(verified_at) {
            return Err(refreshing());
        }
        let stands = row.code.colour == claims.colour();
        Ok(Verified {
            outcome: if stands {
                Outcome::Valid
            } else {
                Outcome::Superseded
            },
            colour: Some(row.code.colour),
            mask: claims.mask().filter(|_| stands).cloned(),
            at: verified_at,
        })
    }
}
