//! Shows a code: one row read, one signature made.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Fault, FaultCode, Timestamp};
use lutong_token::{Claims, DYNAMIC_LIFE_SECONDS, Issuer, Mask};
use lutong_transport::access::WardPermit;

use crate::codes::domain::Code;
use crate::codes::service::Codes;
use crate::keys::service::Keys;

/// A dynamic token and the code that it shows.
#[derive(Debug)]
pub struct IssuedToken {
    pub token: String,
    pub code: Code,
    pub mask: Option<Mask>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Showing {
    codes: Codes,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Showing {
    pub fn new(codes: Codes, keys: Keys, foundation: &Foundation) -> Self {
        Self {
            codes,
            keys,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Signs a token of the code, valid for 60 seconds.
    pub async fn show(&self, permit: &WardPermit) -> Result<IssuedToken, Fault> {
        let subject = permit.subject()?;
        // Taken before the row is read: a token whose issue time is after a decision came into force must show that decision, however
        // long the read, the mask and the signature take.
        let issued_at = self.clock.now();
        let row = self.codes.find(subject).await?.ok_or_else(not_found)?;
        if row.code.awaits_decision(issued_at) {
            return Err(refreshing());
        }
        let mask = match &row.mask {
            Some(mask) => Some(mask.clone()),
            None => self.codes.fetch_mask(subject).await,
        };
        let ring = self.keys.ring().await?;
        let token_id = self.keys.dynamic_id().seal(subject.uuid(), issued_at);
        let claims = Claims::dynamic(
            Issuer::SHANDONG,
            issued_at,
            token_id,
            row.code.colour,
            mask.clone(),
        );
        let claims = claims.map_err(|error| unsigned(&error))?;
        Ok(IssuedToken {
            token: ring.signer.sign(&claims).map_err(|error| unsigned(&error))?,
            code: row.code.clone(),
            mask,
            issued_at: claims.not_before(),
            expires_at: claims.not_before().plus_seconds(DYNAMIC_LIFE_SECONDS),
        })
    }
}

fn unsigned(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "a token was not signed");
    Fault::internal()
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CODE_NOT_FOUND",
        "健康通行码尚未生成：请先申请或申报；如刚提交，请稍候片刻",
        "there is no code yet: apply or declare an arrival first; if you just did, wait a moment",
    )
}

/// The code shows no colour until risk-rules has decided again, and the answer says so.
pub fn refreshing() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "CODE_REFRESHING",
        "数据正在更新，暂不显示颜色，请稍候",
        "data is being refreshed and no colour is shown meanwhile; try again in a moment",
    )
    .retry_after(std::time::Duration::from_secs(1))
}
