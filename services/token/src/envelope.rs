//! The text of a token and the COSE_Sign1 envelope (RFC 9052) around its claims.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use coset::iana::EnumI64 as _;
use coset::{AsCborValue as _, CoseSign1, RegisteredLabelWithPrivate};
use lutong_kernel::Timestamp;

use crate::algorithm::Algorithm;
use crate::cbor::{self, UnreadableToken};
use crate::claims::{Claims, DYNAMIC_LIFE_SECONDS};
use crate::kid::Kid;
use crate::presentation;
use crate::verifying_key::VerifyingKey;

/// The beginning of every token: the name of the format and its version.
pub const PREFIX: &str = "LT1:";

/// The greatest length of an envelope. A dynamic token has at most 140 bytes; partners may add claims.
const MAX_BYTES: usize = 512;
/// Base45 (RFC 9285) writes two bytes as three characters.
const MAX_TEXT: usize = PREFIX.len() + MAX_BYTES / 2 * 3;

/// The tag of COSE_Sign1.
pub(crate) const COSE_SIGN1: u32 = 18;
/// Labels of the protected header.
const ALGORITHM: i64 = 1;
const KEY_ID: i64 = 4;

/// The bytes that are the same in all tokens of one key.
#[derive(Clone)]
pub(crate) struct Frame {
    /// The `Sig_structure` up to the payload: `["Signature1", protected, h'', …`.
    to_be_signed: Vec<u8>,
    /// The `COSE_Sign1` up to the payload: `18([protected, {}, …`.
    envelope: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(algorithm: Algorithm, kid: Kid) -> Self {
        let protected = protected_header(algorithm.cose_number(), kid);
        let mut to_be_signed = Vec::new();
        cbor::write_head(&mut to_be_signed, cbor::ARRAY, 4);
        cbor::write_text(&mut to_be_signed, "Signature1");
        cbor::write_bytes(&mut to_be_signed, &protected);
        cbor::write_bytes(&mut to_be_signed, b"");
        let mut envelope = Vec::new();
        cbor::write_head(&mut envelope, cbor::TAG, COSE_SIGN1);
        cbor::write_head(&mut envelope, cbor::ARRAY, 4);
        cbor::write_bytes(&mut envelope, &protected);
        cbor::write_head(&mut envelope, cbor::MAP, 0);
        Self {
            to_be_signed,
            envelope,
        }
    }

    /// The bytes under the signature.
    pub(crate) fn to_be_signed(&self, payload: &[u8]) -> Vec<u8> {
        let mut out = self.to_be_signed.clone();
        cbor::write_bytes(&mut out, payload);
        out
    }

    /// The bytes of the `COSE_Sign1`.
    pub(crate) fn envelope(&self, payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
        let mut out = self.envelope.clone();
        cbor::write_bytes(&mut out, payload);
        cbor::write_bytes(&mut out, signature);
        out
    }
}

/// The text of a token with these bytes.
pub(crate) fn text(envelope: &[u8]) -> String {
    format!("{PREFIX}{}", base45::encode(envelope))
}

/// `{1: alg, 4: kid}`.
pub(crate) fn protected_header(algorithm: i64, kid: Kid) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::write_head(&mut out, cbor::MAP, 2);
    cbor::write_integer(&mut out, ALGORITHM);
    cbor::write_integer(&mut out, algorithm);
    cbor::write_integer(&mut out, KEY_ID);
    cbor::write_bytes(&mut out, kid.as_bytes());
    out
}

/// A `COSE_Sign1` in the one form that the format allows.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    cose: CoseSign1,
    algorithm: i64,
    kid: Kid,
}

impl Envelope {
    fn read(bytes: &[u8]) -> Result<Self, UnreadableToken> {
        let value = match cbor::read_deterministic(bytes)? {
            Value::Tag(tag, inner) if tag == u64::from(COSE_SIGN1) => *inner,
            untagged => untagged,
        };
        let cose =
            CoseSign1::from_cbor_value(value).map_err(|_| UnreadableToken("it is not a COSE_Sign1"))?;
        if !cose.unprotected.is_empty() {
            return Err(UnreadableToken("it has unprotected headers"));
        }
        let (algorithm, kid) = protected(&cose)?;
        if cose.signature.len() != 64 {
            return Err(UnreadableToken("its signature does not have 64 bytes"));
        }
        Ok(Self { cose, algorithm, kid })
    }

    fn payload(&self) -> Result<&[u8], UnreadableToken> {
        let payload = self.cose.payload.as_deref();
        payload.ok_or(UnreadableToken("it has no payload"))
    }

    /// Whether a key signed it. The key determines the algorithm: an algorithm that the token chose would allow an attacker to choose
    /// a weaker one. `is_own` may know a signature of this key by a message and itself; it is verified otherwise.
    fn is_signed_by(&self, key: &VerifyingKey, is_own: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        if self.algorithm != key.algorithm().cose_number() {
            return false;
        }
        let (message, signature) = (self.cose.tbs_data(&[]), &self.cose.signature);
        is_own(&message, signature) || key.verifies(&message, signature)
    }
}

/// A token whose signature has not been verified.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    issued: Envelope,
    claims: Claims,
    /// What the device of the holder signed around it; absent for a token that is bound to no device.
    presented: Option<Presented>,
}

#[derive(Clone, Debug)]
struct Presented {
    envelope: Envelope,
    expires_at: Timestamp,
}

impl UnverifiedToken {
    /// Reads a token in the one form that the format allows. Memory is bounded by a small multiple of the greatest length
    /// of a token.
    pub fn parse(text: &str) -> Result<Self, UnreadableToken> {
        if text.len() > MAX_TEXT {
            return Err(UnreadableToken("it is too long"));
        }
        let encoded = text
            .strip_prefix(PREFIX)
            .ok_or(UnreadableToken("it does not begin with LT1:"))?;
        let bytes = base45::decode(encoded).map_err(|_| UnreadableToken("it is not Base45"))?;
        // The decoder accepts some overlong forms; a token has one text.
        if base45::encode(&bytes) != encoded {
            return Err(UnreadableToken("its Base45 is not in the shortest form"));
        }
        let outer = Envelope::read(&bytes)?;
        let Some((token, expires_at)) = presentation::read(outer.payload()?)? else {
            return Self::issued(outer, None);
        };
        let envelope = outer;
        Self::issued(Envelope::read(&token)?, Some(Presented { envelope, expires_at }))
    }

    /// Reads a token that is bound to a device, as the device keeps it.
    pub fn parse_for_device(bytes: &[u8]) -> Result<Self, UnreadableToken> {
        if bytes.len() > MAX_BYTES {
            return Err(UnreadableToken("it is too long"));
        }
        Self::issued(Envelope::read(bytes)?, None)
    }

    fn issued(issued: Envelope, presented: Option<Presented>) -> Result<Self, UnreadableToken> {
        let claims = Claims::from_cwt(issued.payload()?)?;
        if presented.is_some() && claims.holder_key().is_none() {
            return Err(UnreadableToken("a device presents a token that is bound to none"));
        }
        Ok(Self {
            issued,
            claims,
            presented,
        })
    }

    /// The name of the key that the token says it is signed with.
    pub const fn kid(&self) -> Kid {
        self.issued.kid
    }

    /// The claims, which anybody may have written: the signature has not been verified.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether `key` signed the token, and the device that it is bound to signed what it shows. `is_own` as for an envelope, of
    /// `key`.
    pub(crate) fn is_signed_by(&self, key: &VerifyingKey, is_own: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let is_presented = match (self.claims.holder_key(), &self.presented) {
            (None, None) => true,
            (Some(holder), Some(Presented { envelope, .. })) => {
                envelope.kid == holder.kid() && envelope.is_signed_by(holder, |_, _| false)
            }
            // Bound to a device that has not signed: somebody shows what was copied from it.
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_presented && self.issued.is_signed_by(key, is_own)
    }

    /// From when until before when it may be shown: the token's own times, and within them those of the device's signature.
    pub(crate) fn validity(&self) -> (Timestamp, Timestamp) {
        let (from, until) = (self.claims.not_before(), self.claims.expires_at());
        match &self.presented {
            None => (from, until),
            Some(Presented { expires_at, .. }) => {
                let begins = expires_at.plus_seconds(-DYNAMIC_LIFE_SECONDS);
                (from.max(begins), until.min(*expires_at))
            }
        }
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }
}

/// The algorithm's number and the kid of a protected header that has these two parameters and no other.
pub(crate) fn protected(cose: &CoseSign1) -> Result<(i64, Kid), UnreadableToken> {
    let header = &cose.protected.header;
    let algorithm = match &header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => algorithm.to_i64(),
        Some(RegisteredLabelWithPrivate::PrivateUse(number)) => *number,
        _ => return Err(UnreadableToken("it names no algorithm by number")),
    };
    let kid = Kid::try_new(&header.key_id).ok_or(UnreadableToken("its kid does not have eight bytes"))?;
    // Another parameter, or another form of these two, has other bytes.
    if cose.protected.original_data != Some(protected_header(algorithm, kid)) {
        return Err(UnreadableToken(
            "its protected header is not algorithm and kid in the shortest form",
        ));
    }
    Ok((algorithm, kid))
}
