//! Headers of batches of changes. A batch names the one before it and is itself named by a digest of its header, so that a chain of batches can be
//! neither shortened, reordered nor changed in its middle without whoever reads on from a tag noticing.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use coset::cbor::Value;
use lutong_kernel::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::cbor;
use crate::document::{self, DocumentError, Purpose};
use crate::key::{SignError, SigningKey};
use crate::kid::Kid;
use crate::message::{MAX_PARTY, body_digest};
use crate::trust::VerifyingKeys;

/// The greatest length of a signed header.
const MAX_HEADER: usize = 512;
/// The version of the format.
const VERSION: u32 = 1;

/// Names a batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchTag([u8; 16]);

/// A text that is not a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tag has 32 hexadecimal digits in lower case")]
pub struct TagError;

impl BatchTag {
    /// What the first batch names as the one before it.
    pub const BEGINNING: Self = Self([0; 16]);

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for BatchTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BatchTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BatchTag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(TagError);
        }
        let mut tag = [0; 16];
        for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(TagError),
                };
                *byte = (*byte << 4) | value;
            }
        }
        Ok(Self(tag))
    }
}

/// What a batch says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchHeader {
    /// Two digits of GB/T 2260.
    pub sender: String,
    pub audience: String,
    /// Ascending by one from 1.
    pub number: u32,
    pub previous: BatchTag,
    /// Whole seconds.
    pub cut_at: Timestamp,
    /// Of the body: SHA-256.
    pub body_digest: [u8; 32],
}

/// Why a batch is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("its header cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("it is signed with a key that may not sign batches here")]
    WrongKey,
    #[error("the key with which it is signed is revoked")]
    KeyRevoked,
    #[error("its signature does not match: damaged or forged")]
    BadSignature,
    #[error("its body is not the one that was signed")]
    WrongBody,
}

/// A batch whose signature and body were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedBatch {
    pub header: BatchHeader,
    pub tag: BatchTag,
    pub kid: Kid,
}

impl BatchHeader {
    fn payload(&self) -> Result<Vec<u8>, SignError> {
        let payload = Value::Array(vec![
            Value::from(VERSION),
            Value::Text(self.sender.clone()),
            Value::Text(self.audience.clone()),
            Value::from(self.number),
            Value::Bytes(self.previous.0.to_vec()),
            Value::from(self.cut_at.seconds()),
            Value::Bytes(self.body_digest.to_vec()),
        ]);
        cbor::encode(&payload).map_err(|_| SignError)
    }

    /// The bytes of the signed header, and the tag of the batch.
    pub fn sign(&self, key: &SigningKey) -> Result<(Vec<u8>, BatchTag), SignError> {
        let payload = self.payload()?;
        let signed = document::sign(key, Purpose::Batch, &payload)?;
        Ok((signed, tag(&payload)))
    }

    /// Reads the header of a batch that one of `keys` signed, and checks that the body is its own. Whether it is the next of its chain, its
    /// receiver knows.
    pub fn open(
        bytes: &[u8],
        body: &[u8],
        keys: &VerifyingKeys,
        now: Timestamp,
    ) -> Result<OpenedBatch, BatchError> {
        if bytes.len() > MAX_HEADER {
            return Err(BatchError::Unreadable("it is too long"));
        }
        let opened = document::open_signed(bytes, Purpose::Batch, keys, now);
        let (payload, kid) = opened.map_err(|error| match error {
            DocumentError::Unreadable(reason) => BatchError::Unreadable(reason),
            DocumentError::WrongKey => BatchError::WrongKey,
            DocumentError::KeyRevoked => BatchError::KeyRevoked,
            DocumentError::BadSignature => BatchError::BadSignature,
        })?;
        let header = Self::read(&payload).ok_or(BatchError::Unreadable("it is not a header"))?;
        if header.body_digest != body_digest(body) {
            return Err(BatchError::WrongBody);
        }
        Ok(OpenedBatch {
            header,
            tag: tag(&payload),
            kid,
        })
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let Value::Array(fields) = cbor::read_deterministic(payload).ok()? else {
            return None;
        };
        let [version, sender, audience, number, previous, cut_at, digest] =
            <[Value; 7]>::try_from(fields).ok()?;
        if version != Value::from(VERSION) {
            return None;
        }
        let party = |value: Value| {
            let text = value.into_text().ok()?;
            (!text.is_empty() && text.len() <= MAX_PARTY).then_some(text)
        };
        let number = u32::try_from(number.into_integer().ok()?).ok()?;
        let cut_at = u32::try_from(cut_at.into_integer().ok()?).ok()?;
        Some(Self {
            sender: party(sender)?,
            audience: party(audience)?,
            number,
            previous: BatchTag(previous.into_bytes().ok()?.try_into().ok()?),
            cut_at: Timestamp::from_seconds(cut_at.into()),
            body_digest: digest.into_bytes().ok()?.try_into().ok()?,
        })
    }
}

fn tag(payload: &[u8]) -> BatchTag {
    let digest: [u8; 32] = Sha256::digest(payload).into();
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest[..16]);
    BatchTag(tag)
}
