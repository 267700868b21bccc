//! Signed documents that are not tokens: the lists that a door takes in, and those of partners. A COSE_Sign1 as a token's, with the purpose of the document as
//! external data of the signature (RFC 9052, section 4.4): no document passes for one of another purpose, nor for a token.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use coset::{AsCborValue as _, CoseSign1};
use lutong_kernel::Timestamp;

use crate::cbor;
use crate::envelope;
use crate::key::{SignError, SigningKey};
use crate::kid::Kid;
use crate::trust::VerifyingKeys;

/// The greatest length of a document: a list of two million revoked tokens.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    Revocations,
    Keys,
    /// Partners, with their keys and limits.
    Trust,
    /// Headers of messages between two code systems.
    Message,
    /// Headers of batches of changes.
    Batch,
    /// Heads of the record of such messages.
    Records,
    /// What came out when a code system was tested.
    Conformance,
}

impl Purpose {
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Revocations => b"lutong revocation list 1",
            Self::Keys => b"lutong key list 1",
            Self::Trust => b"lutong trust list 1",
            Self::Message => b"lutong message 1",
            Self::Batch => b"lutong batch 1",
            Self::Records => b"lutong message records 1",
            Self::Conformance => b"lutong conformance report 1",
        }
    }
}

/// Why a document is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("it cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("it is signed with a key that may not sign lists now")]
    WrongKey,
    #[error("the key with which it is signed is revoked")]
    KeyRevoked,
    #[error("its signature does not match: damaged, forged, or a document of another purpose")]
    BadSignature,
}

/// Signs a document.
pub fn sign(key: &SigningKey, purpose: Purpose, payload: &[u8]) -> Result<Vec<u8>, SignError> {
    let protected = envelope::protected_header(key.algorithm().cose_number(), key.kid());
    let mut message = Vec::with_capacity(payload.len() + 64);
    cbor::write_head(&mut message, cbor::ARRAY, 4);
    cbor::write_text(&mut message, "Signature1");
    cbor::write_bytes(&mut message, &protected);
    cbor::write_bytes(&mut message, purpose.context());
    cbor::write_bytes(&mut message, payload);
    let signature = key.signature(&message)?;
    let mut out = Vec::with_capacity(payload.len() + 96);
    cbor::write_head(&mut out, cbor::TAG, envelope::COSE_SIGN1);
    cbor::write_head(&mut out, cbor::ARRAY, 4);
    cbor::write_bytes(&mut out, &protected);
    cbor::write_head(&mut out, cbor::MAP, 0);
    cbor::write_bytes(&mut out, payload);
    cbor::write_bytes(&mut out, &signature);
    Ok(out)
}

/// The payload of a document that one of `keys` signed for this purpose.
pub fn open(
    bytes: &[u8],
    purpose: Purpose,
    keys: &VerifyingKeys,
    now: Timestamp,
) -> Result<Vec<u8>, DocumentError> {
    open_signed(bytes, purpose, keys, now).map(|(payload, _)| payload)
}

/// The payload of a document, and the key that it names, without a look at the signature: to find something, never to rely on it.
pub fn read_unverified(bytes: &[u8]) -> Option<(Vec<u8>, Kid)> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let Ok(Value::Tag(_, inner)) = cbor::read_deterministic(bytes) else {
        return None;
    };
    let cose = CoseSign1::from_cbor_value(*inner).ok()?;
    let (_, kid) = envelope::protected(&cose).ok()?;
    Some((cose.payload?, kid))
}

/// As [`open`], with the key that signed it.
pub fn open_signed(
    bytes: &[u8],
    purpose: Purpose,
    keys: &VerifyingKeys,
    now: Timestamp,
) -> Result<(Vec<u8>, Kid), DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::Unreadable("it is too long"));
    }
    let read = cbor::read_deterministic(bytes);
    let Ok(Value::Tag(tag, inner)) = read else {
        return Err(DocumentError::Unreadable("it is not a tagged item of CBOR"));
    };
    if tag != u64::from(envelope::COSE_SIGN1) {
        return Err(DocumentError::Unreadable("its tag is not that of COSE_Sign1"));
    }
    let cose = CoseSign1::from_cbor_value(*inner)
        .map_err(|_| DocumentError::Unreadable("it is not a COSE_Sign1"))?;
    if !cose.unprotected.is_empty() {
        return Err(DocumentError::Unreadable("it has unprotected headers"));
    }
    let (algorithm, kid) = envelope::protected(&cose)
        .map_err(|_| DocumentError::Unreadable("its protected header is not algorithm and kid"))?;
    let trusted = keys.get(kid).ok_or(DocumentError::WrongKey)?;
    let message = cose.tbs_data(purpose.context());
    if algorithm != trusted.key.algorithm().cose_number() || !trusted.key.verifies(&message, &cose.signature)
    {
        return Err(DocumentError::BadSignature);
    }
    if trusted.is_revoked(now) {
        return Err(DocumentError::KeyRevoked);
    }
    if !trusted.is_in_force(now) {
        return Err(DocumentError::WrongKey);
    }
    let payload = cose
        .payload
        .ok_or(DocumentError::Unreadable("it has no payload"))?;
    Ok((payload, kid))
}
