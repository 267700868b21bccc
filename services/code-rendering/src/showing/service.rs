//! Shows a code: one row read, one signature made.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_token::{Claims, DYNAMIC_LIFE_SECONDS, Mask};
use lutong_transport::access::{PermittedSubject, WardPermit};

use crate::bindings::service::Bindings;
use crate::codes::domain::Code;
use crate::codes::service::Codes;
use crate::fault;
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
    bindings: Bindings,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Showing {
    pub fn new(codes: Codes, bindings: Bindings, keys: Keys, foundation: &Foundation) -> Self {
        Self {
            codes,
            bindings,
            keys,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Signs a token of the code, valid for 60 seconds.
    pub async fn show(&self, permit: &WardPermit) -> Result<IssuedToken, Fault> {
        // Taken before the rows are read: a token whose issue time is after a decision came into force must show that decision, however
        // long the reads, the mask and the signature take, and one whose issue time is after an unbinding is not of that ward.
        let issued_at = self.clock.now();
        let is_bound = async |binder, ward| self.bindings.is_bound(binder, ward).await;
        let subject = permit.reach(is_bound).await?;
        self.show_permitted(subject, issued_at).await
    }

    /// Signs a token of somebody's code that was issued at an instant before anything was read.
    pub async fn show_permitted(
        &self,
        subject: PermittedSubject,
        issued_at: Timestamp,
    ) -> Result<IssuedToken, Fault> {
        let subject = subject.id();
        let row = self
            .codes
            .find(subject)
            .await?
            .ok_or_else(fault::code_not_found)?;
        if row.code.awaits_decision(issued_at) {
            return Err(fault::own_code_refreshing(&row.code));
        }
        let mask = match &row.mask {
            Some(mask) => Some(mask.clone()),
            None => self.codes.fetch_mask(subject).await,
        };
        let ring = self.keys.ring().await?;
        let token_id = self.keys.dynamic_id().seal(subject.uuid(), issued_at);
        let claims = Claims::dynamic(
            self.keys.issuer(),
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
    Fault::internal(format_args!("a token was not signed: {error}"))
}
