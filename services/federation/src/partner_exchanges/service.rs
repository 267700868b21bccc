//! Calls exchanges at partners.

use std::sync::Arc;

use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Fault, Random, Timestamp};

use super::domain::counts;
use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::{MIN_SALT, Method};
use crate::exchanges::service::Exchanges;
use crate::fault;
use crate::partners::domain::PartnerId;
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// Exchanges at partners; cheap to clone.
#[derive(Clone)]
pub struct PartnerExchanges {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    current: CurrentTrust,
    exchanges: Exchanges,
}

/// What came of a call: the body of the answer, or why there is none, which is never a colour.
pub struct Called {
    pub answer: Result<Vec<u8>, RecognitionOutcome>,
    pub at: Timestamp,
    /// Under which the answer was accepted.
    pub trust: Arc<Trust>,
}

impl PartnerExchanges {
    pub fn new(foundation: &Foundation, current: CurrentTrust, exchanges: Exchanges) -> Self {
        Self {
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            current,
            exchanges,
        }
    }

    /// A salt that no other message has.
    pub fn salt(&self) -> Vec<u8> {
        let salt: [u8; MIN_SALT] = self.random.bytes();
        salt.to_vec()
    }

    /// Calls a partner whose word counts.
    pub async fn call(&self, partner: PartnerId, method: Method, body: Vec<u8>) -> Result<Called, Fault> {
        let trust = self.current.get();
        if trust.has_expired(self.clock.now()) {
            return Err(fault::trust_list_expired());
        }
        let agreed = trust.agreement(partner).ok_or_else(fault::partner_not_found)?;
        let state = trust.state(partner);
        if !counts(agreed, state) {
            return Err(fault::partner_not_recognised(state));
        }
        let answer = self.exchanges.ask(&trust, partner, method, body).await?;
        Ok(Called {
            answer,
            at: self.clock.now(),
            trust,
        })
    }
}
