//! Headers of the messages that two code systems exchange. A header is signed and says which method is called, who calls whom, when, once, and
//! the digest of the body, which travels beside it: whoever keeps the header alone can still prove what was said, and holds nothing personal.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use lutong_kernel::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::cbor;
use crate::document::{self, DocumentError, Purpose};
use crate::key::{SignError, SigningKey};
use crate::kid::Kid;
use crate::trust::{CLOCK_TOLERANCE_SECONDS, VerifyingKeys};

/// How old a message may be. Its nonce is kept at least this long and twice the tolerance of the clocks.
pub const MESSAGE_LIFE_SECONDS: i64 = 60;
/// The greatest length of a signed header.
const MAX_HEADER: usize = 512;
/// The greatest length of a method, and of a party.
const MAX_METHOD: usize = 128;
pub const MAX_PARTY: usize = 16;
/// The version of the format.
const VERSION: u32 = 1;

/// Names one message.
pub type Nonce = [u8; 16];

/// What a message says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageHeader {
    /// The full name of the RPC: `lutong.federation.v1.ExchangeService/VerifyHealthCode`.
    pub method: String,
    /// Two digits of GB/T 2260, `00` for the national platform.
    pub sender: String,
    pub audience: String,
    /// Whole seconds.
    pub sent_at: Timestamp,
    pub nonce: Nonce,
    /// Of the body: SHA-256.
    pub body_digest: [u8; 32],
    /// The nonce of the request that is answered; absent in a request.
    pub in_reply_to: Option<Nonce>,
}

/// Why a message is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("its header cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("it is signed with a key that may not sign messages here")]
    WrongKey,
    #[error("the key with which it is signed is revoked")]
    KeyRevoked,
    #[error("its signature does not match: damaged or forged")]
    BadSignature,
    #[error("it is for another method")]
    WrongMethod,
    #[error("it is addressed to somebody else")]
    WrongAudience,
    #[error("its body is not the one that was signed")]
    WrongBody,
    #[error("it is too old: check the clocks, or send it anew")]
    Stale,
    #[error("it was sent in the future: check the clocks")]
    FromTheFuture,
    #[error("it answers another request, or none")]
    WrongReply,
}

/// What a message must be.
#[derive(Debug, Clone, Copy)]
pub struct MessageExpectations<'a> {
    pub method: &'a str,
    pub audience: &'a str,
    pub body: &'a [u8],
    pub in_reply_to: Option<Nonce>,
    pub now: Timestamp,
}

/// The digest of a body.
pub fn body_digest(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

impl MessageHeader {
    /// The bytes of the signed header.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, SignError> {
        let payload = Value::Array(vec![
            Value::from(VERSION),
            Value::Text(self.method.clone()),
            Value::Text(self.sender.clone()),
            Value::Text(self.audience.clone()),
            Value::from(self.sent_at.seconds()),
            Value::Bytes(self.nonce.to_vec()),
            Value::Bytes(self.body_digest.to_vec()),
            self.in_reply_to
                .map_or(Value::Null, |nonce| Value::Bytes(nonce.to_vec())),
        ]);
        let payload = cbor::encode(&payload).map_err(|_| SignError)?;
        document::sign(key, Purpose::Message, &payload)
    }

    /// Reads a header that one of `keys` signed, and says which.
    pub fn open(bytes: &[u8], keys: &VerifyingKeys, now: Timestamp) -> Result<(Self, Kid), MessageError> {
        if bytes.len() > MAX_HEADER {
            return Err(MessageError::Unreadable("it is too long"));
        }
        let opened = document::open_signed(bytes, Purpose::Message, keys, now);
        let (payload, kid) = opened.map_err(|error| match error {
            DocumentError::Unreadable(reason) => MessageError::Unreadable(reason),
            DocumentError::WrongKey => MessageError::WrongKey,
            DocumentError::KeyRevoked => MessageError::KeyRevoked,
            DocumentError::BadSignature => MessageError::BadSignature,
        })?;
        let header = Self::read(&payload).ok_or(MessageError::Unreadable("it is not a header"))?;
        Ok((header, kid))
    }

    /// Reads a header without a look at its signature: to show or find what was recorded, never to accept it.
    pub fn read_unverified(bytes: &[u8]) -> Option<(Self, Kid)> {
        if bytes.len() > MAX_HEADER {
            return None;
        }
        let (payload, kid) = document::read_unverified(bytes)?;
        Some((Self::read(&payload)?, kid))
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let Value::Array(fields) = cbor::read_deterministic(payload).ok()? else {
            return None;
        };
        let [version, method, sender, audience, sent_at, nonce, digest, reply] =
            <[Value; 8]>::try_from(fields).ok()?;
        if version != Value::from(VERSION) {
            return None;
        }
        let text = |value: Value, most: usize| {
            let text = value.into_text().ok()?;
            (!text.is_empty() && text.len() <= most).then_some(text)
        };
        let sent_at = u32::try_from(sent_at.into_integer().ok()?).ok()?;
        Some(Self {
            method: text(method, MAX_METHOD)?,
            sender: text(sender, MAX_PARTY)?,
            audience: text(audience, MAX_PARTY)?,
            sent_at: Timestamp::from_seconds(sent_at.into()),
            nonce: nonce.into_bytes().ok()?.try_into().ok()?,
            body_digest: digest.into_bytes().ok()?.try_into().ok()?,
            in_reply_to: match reply {
                Value::Null => None,
                value => Some(value.into_bytes().ok()?.try_into().ok()?),
            },
        })
    }

    /// Whether the message is the one that is expected. That it was not accepted before, its receiver knows.
    pub fn check(&self, expected: &MessageExpectations<'_>) -> Result<(), MessageError> {
        if self.method != expected.method {
            return Err(MessageError::WrongMethod);
        }
        if self.audience != expected.audience {
            return Err(MessageError::WrongAudience);
        }
        if self.body_digest != body_digest(expected.body) {
            return Err(MessageError::WrongBody);
        }
        if self.in_reply_to != expected.in_reply_to {
            return Err(MessageError::WrongReply);
        }
        if expected.now.plus_seconds(CLOCK_TOLERANCE_SECONDS) < self.sent_at {
            return Err(MessageError::FromTheFuture);
        }
        if self.forgettable_at() <= expected.now {
            return Err(MessageError::Stale);
        }
        Ok(())
    }

    /// From this instant on nobody accepts the message, so that its nonce need not be remembered.
    pub const fn forgettable_at(&self) -> Timestamp {
        self.sent_at
            .plus_seconds(MESSAGE_LIFE_SECONDS + CLOCK_TOLERANCE_SECONDS)
    }
}
