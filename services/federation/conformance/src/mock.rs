//! A code system that keeps the contract with what its declaration says, or breaks it as a script says: the kit is tried out on it, and a partner's own
//! tests speak to it. It holds test people alone, forgets everything when it ends, and is no part of the product.

mod accepting;
mod answering;
pub mod faults;
mod http;
mod people;
mod sharing;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lutong_kernel::{Clock, PartnerCode, Random, Timestamp};
use lutong_proto::federation::v1::RecognitionOutcome;
use lutong_token::{Nonce, SigningKey, VerifyingKeys};

use crate::declaration::Declaration;
use crate::exchange::Exchange;
use faults::{Active, FaultKind, FaultScript};

pub use http::serve;

/// What a mock is made of.
pub struct MockSetup {
    pub declaration: Declaration,
    /// Signs its messages, batches and codes.
    pub key: SigningKey,
    /// Whose messages it accepts, and their keys.
    pub partner: (PartnerCode, VerifyingKeys),
    pub faults: FaultScript,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// The key of a mock is not what its declaration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is none of the keys for messages of the declaration")]
pub struct OtherKey;

/// What it remembers.
#[derive(Default)]
struct Memory {
    nonces: HashSet<Nonce>,
    /// Keys of declarations that stand, and of those that were taken back.
    declared: BTreeMap<String, bool>,
    /// Places of test people by the reference of their made code.
    made: BTreeMap<String, usize>,
    /// What a token or a reference of it stands for.
    tokens: BTreeMap<String, RecognitionOutcome>,
    followed: BTreeMap<String, RecognitionOutcome>,
    /// The first answer.
    first: Option<accepting::Message>,
}

/// A mock.
pub struct Mock {
    setup: MockSetup,
    memory: Mutex<Memory>,
}

/// One call of it.
pub struct Call {
    exchange: Exchange,
    faults: Active,
    now: Timestamp,
}

impl Mock {
    pub fn new(setup: MockSetup) -> Result<Self, OtherKey> {
        if setup.declaration.message_keys.get(setup.key.kid()).is_none() {
            return Err(OtherKey);
        }
        Ok(Self {
            setup,
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> &str {
        self.setup.declaration.province.as_str()
    }

    fn call(&self, exchange: Exchange, faults: Active) -> Call {
        let off = faults.number(FaultKind::WrongClock);
        Call {
            exchange,
            faults,
            now: self.setup.clock.now().plus_seconds(off),
        }
    }
}

impl Call {
    fn has(&self, kind: FaultKind) -> bool {
        self.faults.has(kind)
    }
}
