//! Verifies codes of other provinces.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, Fault, Timestamp};
use lutong_storage::Database;
use lutong_token::{Claims, Expectations, Issuer, Kind, Outcome, UnverifiedToken, verify};

use crate::domain::trust_list::TrustList;
use crate::fault;
use crate::store::{self, Verification};

/// A verified code.
#[derive(Debug)]
pub struct PartnerCode {
    pub province: Issuer,
    pub colour: Colour,
    pub issued_at: Timestamp,
    /// Present for paper codes. A dynamic code does not say how long its colour holds.
    pub expires_at: Option<Timestamp>,
    pub key_id: String,
    pub trust_list_version: String,
    pub verified_at: Timestamp,
}

/// The partners of the trust list; cheap to clone.
#[derive(Clone)]
pub struct Partners {
    database: Database,
    clock: Arc<dyn Clock>,
    list: Arc<TrustList>,
}

impl Partners {
    pub fn new(store: &Store, foundation: &Foundation, list: TrustList) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            list: Arc::new(list),
        }
    }

    /// Verifies a code as of an earlier instant, or as of now. The outcome is recorded before it is returned.
    pub async fn verify(&self, token: &str, as_of: Option<Timestamp>) -> Result<PartnerCode, Fault> {
        let now = self.clock.now();
        let verified = self.judge(token, as_of.map_or(now, |at| at.min(now)), now);
        let (province, outcome) = match &verified {
            Ok(claims) => (Some(claims.issuer().to_string()), Outcome::Valid),
            Err(outcome) => (None, *outcome),
        };
        let verification = Verification {
            verified_at: now,
            province,
            key_id: UnverifiedToken::parse(token)
                .ok()
                .map(|token| token.kid().to_string()),
            trust_list_version: self.list.version.clone(),
            outcome: outcome.into_str(),
        };
        let recorded = self
            .database
            .write(move |transaction| store::append(transaction, verification).boxed());
        recorded
            .await
            .map_err(|error: lutong_storage::StorageError| Fault::from(error))?;
        match verified {
            Ok(claims) => self.code(token, &claims, now),
            Err(outcome) => Err(fault::partner_code_refused(outcome)),
        }
    }

    /// The claims of a code that was valid at `as_of` and whose key is not revoked by `now`: a key that was stolen can have signed with any
    /// time.
    fn judge(&self, token: &str, as_of: Timestamp, now: Timestamp) -> Result<Claims, Outcome> {
        let expected = Expectations::kinds(&[Kind::Dynamic, Kind::Paper]).from_issuers(&self.list.issuers());
        let claims = verify(token, &self.list.keys, as_of, &expected)?;
        let kid = UnverifiedToken::parse(token)
            .map_err(|_| Outcome::Unreadable)?
            .kid();
        if self.list.keys.get(kid).is_some_and(|key| key.is_revoked(now)) {
            return Err(Outcome::Revoked);
        }
        Ok(claims)
    }

    fn code(&self, token: &str, claims: &Claims, now: Timestamp) -> Result<PartnerCode, Fault> {
        let key =
            UnverifiedToken::parse(token).map_err(|_| fault::partner_code_refused(Outcome::Unreadable))?;
        Ok(PartnerCode {
            province: claims.issuer(),
            colour: claims.colour(),
            issued_at: claims.not_before(),
            expires_at: (claims.kind() == Kind::Paper).then(|| claims.expires_at()),
            key_id: key.kid().to_string(),
            trust_list_version: self.list.version.clone(),
            verified_at: now,
        })
    }
}
