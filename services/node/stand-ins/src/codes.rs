//! Authorization codes: whose, for which redirection, with which nonce and challenge; used once, within five minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Clock, Random, Timestamp};

/// How long an unused code lives.
const LIFE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub struct Grant {
    pub person: &'static str,
    pub nonce: String,
    pub challenge: String,
    issued_at: Timestamp,
    used: bool,
}

/// Why a code is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeError {
    Unknown,
    Used,
}

#[derive(Debug)]
pub struct Codes {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    issued: Mutex<HashMap<String, Grant>>,
}

impl Codes {
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            issued: Mutex::default(),
        }
    }

    pub fn issue(&self, person: &'static str, nonce: &str, challenge: &str) -> String {
        let code = URL_SAFE_NO_PAD.encode(self.random.bytes::<16>());
        let grant = Grant {
            person,
            nonce: nonce.to_owned(),
            challenge: challenge.to_owned(),
            issued_at: self.clock.now(),
            used: false,
        };
        self.issued
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(code.clone(), grant);
        code
    }

    /// Uses a code up.
    pub fn redeem(&self, code: &str) -> Result<Grant, CodeError> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let grant = issued.get_mut(code).ok_or(CodeError::Unknown)?;
        if grant.used {
            return Err(CodeError::Used);
        }
        if self.clock.now() >= grant.issued_at.plus(LIFE) {
            return Err(CodeError::Unknown);
        }
        grant.used = true;
        Ok(grant.clone())
    }
}
