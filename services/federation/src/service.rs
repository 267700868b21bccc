//! Verifies codes of other provinces.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, Fault, FaultCode, Timestamp};
use lutong_storage::Database;
use lutong_token::{Claims, Expectations, Issuer, Kind, Outcome, Unverified, verify};

use crate::domain::trust_list::TrustList;
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

    /// Verifies a code. The outcome is recorded before it is returned.
    pub async fn verify(&self, token: &str) -> Result<PartnerCode, Fault> {
        let now = self.clock.now();
        let expected = Expectations::kinds(&[Kind::Dynamic, Kind::Paper]).from_issuers(&self.list.issuers());
        let verified = verify(token, &self.list.keys, now, &expected);
        let (province, outcome) = match &verified {
            Ok(claims) => (Some(claims.issuer().to_string()), Outcome::Valid),
            Err(outcome) => (None, *outcome),
        };
        let verification = Verification {
            verified_at: now,
            province,
            key_id: Unverified::parse(token).ok().map(|token| token.kid().to_string()),
            trust_list_version: self.list.version.clone(),
            outcome: outcome.as_str(),
        };
        let recorded = self
            .database
            .write(move |transaction| store::append(transaction, verification).boxed());
        recorded
            .await
            .map_err(|error: lutong_storage::StorageError| Fault::from(error))?;
        match verified {
            Ok(claims) => self.code(token, &claims, now),
            Err(outcome) => Err(refused(outcome)),
        }
    }

    fn code(&self, token: &str, claims: &Claims, now: Timestamp) -> Result<PartnerCode, Fault> {
        let key = Unverified::parse(token).map_err(|_| refused(Outcome::Unreadable))?;
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

fn refused(outcome: Outcome) -> Fault {
    let (zh, en) = match outcome {
        Outcome::Expired => (
            "外省健康码已过期，请刷新后重新扫描",
            "the code has expired: refresh it and scan it again",
        ),
        Outcome::NotYetValid => ("外省健康码尚未生效", "the code is not valid yet"),
        Outcome::Revoked => ("外省健康码或其密钥已撤销", "the code or its key was revoked"),
        Outcome::WrongKey => (
            "签发密钥不在互认名单内",
            "signed with a key that is not on the trust list",
        ),
        Outcome::BadSignature => (
            "签名不符，可能系伪造",
            "the signature does not match: forged or damaged",
        ),
        Outcome::WrongKind => ("不接受该类型的码", "a code of this kind is not converted"),
        Outcome::WrongIssuer => (
            "签发地区与密钥不符",
            "issued by another province than its key may speak for",
        ),
        Outcome::Unreadable => ("不是可识别的健康码", "not a code that can be read"),
        Outcome::Valid | Outcome::Superseded => ("外省健康码未通过核验", "the code was not accepted"),
    };
    Fault::new(FaultCode::FailedPrecondition, "PARTNER_CODE_REFUSED", zh, en)
        .with("outcome", outcome.as_str())
}
