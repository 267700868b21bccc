//! The text and the COSE envelope around the claims.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use coset::iana::EnumI64 as _;
use coset::{AsCborValue as _, CborSerializable as _, CoseSign1, RegisteredLabelWithPrivate};

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::kid::Kid;

/// What every token begins with: the format's name and version.
pub const PREFIX: &str = "LT1:";

/// No token is longer. A dynamic one has 140 bytes; the rest is room for claims of partners.
const MAX_BYTES: usize = 512;
/// Base45 writes two bytes as three characters.
const MAX_TEXT: usize = PREFIX.len() + MAX_BYTES / 2 * 3;

/// Why a text is no token, for an operator's eyes. Says nothing of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code token: {0}")]
pub struct Unreadable(pub(crate) &'static str);

/// The parts of an envelope that are the same for every token under one key.
#[derive(Clone)]
pub(crate) struct Frame {
    /// `Sig_structure` up to the payload: `["Signature1", protected, h'', …`.
    to_be_signed: Vec<u8>,
    /// `COSE_Sign1` up to the payload: `18([protected, {}, …`.
    envelope: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(algorithm: Algorithm, kid: Kid) -> Self {
        let protected = protected_header(algorithm, kid);
        let mut to_be_signed = vec![0x84, 0x6A];
        to_be_signed.extend_from_slice(b"Signature1");
        to_be_signed.extend_from_slice(&protected);
        to_be_signed.push(0x40);
        let mut envelope = vec![0xD2, 0x84];
        envelope.extend_from_slice(&protected);
        envelope.push(0xA0);
        Self {
            to_be_signed,
            envelope,
        }
    }

    pub(crate) fn to_be_signed(&self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.to_be_signed.len() + 2 + payload.len());
        out.extend_from_slice(&self.to_be_signed);
        write_bytes(&mut out, payload);
        out
    }

    pub(crate) fn token(&self, payload: &[u8], signature: &[u8; 64]) -> String {
        let mut out = Vec::with_capacity(self.envelope.len() + 4 + payload.len() + signature.len());
        out.extend_from_slice(&self.envelope);
        write_bytes(&mut out, payload);
        write_bytes(&mut out, signature);
        let mut text = String::with_capacity(PREFIX.len() + out.len().div_ceil(2) * 3);
        text.push_str(PREFIX);
        text.push_str(&base45::encode(&out));
        text
    }
}

/// `{1: alg, 4: kid}` as a byte string. The algorithms' numbers are below 24, the kid has eight bytes.
fn protected_header(algorithm: Algorithm, kid: Kid) -> Vec<u8> {
    let mut out = vec![0x4D, 0xA2, 0x01, algorithm.cose_byte(), 0x04, 0x48];
    out.extend_from_slice(kid.as_bytes());
    out
}

/// A CBOR byte string of less than 256 bytes: claims have at most 81, a signature 64.
#[allow(clippy::cast_possible_truncation)]
fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() < 24 {
        out.push(0x40 | bytes.len() as u8);
    } else {
        out.extend_from_slice(&[0x58, bytes.len() as u8]);
    }
    out.extend_from_slice(bytes);
}

/// A token that was read and not yet believed.
#[derive(Clone, Debug)]
pub struct Unverified {
    cose: CoseSign1,
    algorithm: i64,
    kid: Kid,
    claims: Claims,
}

impl Unverified {
    /// Reads the whole token strictly. Never panics and never allocates more than a token is long by a small factor.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        if text.len() > MAX_TEXT {
            return Err(Unreadable("it is too long"));
        }
        let encoded = text
            .strip_prefix(PREFIX)
            .ok_or(Unreadable("it does not begin with LT1:"))?;
        let bytes = base45::decode(encoded).map_err(|_| Unreadable("it is not Base45"))?;
        // The decoder lets some overlong forms through; one token has one text.
        if base45::encode(&bytes) != encoded {
            return Err(Unreadable("its Base45 is not the only one for its bytes"));
        }
        Self::from_cose(&bytes)
    }

    fn from_cose(bytes: &[u8]) -> Result<Self, Unreadable> {
        let value = match read_deterministic(bytes)? {
            Value::Tag(18, inner) => *inner,
            untagged => untagged,
        };
        let cose = CoseSign1::from_cbor_value(value).map_err(|_| Unreadable("it is no COSE_Sign1"))?;
        if !cose.unprotected.is_empty() {
            return Err(Unreadable("it has unprotected headers"));
        }
        let (algorithm, kid) = protected(&cose)?;
        if cose.signature.len() != 64 {
            return Err(Unreadable("its signature has not 64 bytes"));
        }
        let payload = cose.payload.as_deref().ok_or(Unreadable("it has no payload"))?;
        let claims = Claims::from_cwt(payload)?;
        Ok(Self {
            cose,
            algorithm,
            kid,
            claims,
        })
    }

    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// What the token says of itself; nobody vouches for it yet.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) const fn algorithm(&self) -> i64 {
        self.algorithm
    }

    pub(crate) fn to_be_signed(&self) -> Vec<u8> {
        self.cose.tbs_data(&[])
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.cose.signature
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }
}

/// Algorithm and kid, when the protected header holds these two and nothing else.
fn protected(cose: &CoseSign1) -> Result<(i64, Kid), Unreadable> {
    let raw = cose.protected.original_data.as_deref().unwrap_or_default();
    read_deterministic(raw)?;
    let header = &cose.protected.header;
    let algorithm = match &header.alg {
        Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => algorithm.to_i64(),
        Some(RegisteredLabelWithPrivate::PrivateUse(number)) => *number,
        _ => return Err(Unreadable("it names no algorithm by number")),
    };
    let kid = Kid::try_new(&header.key_id).ok_or(Unreadable("its kid has not eight bytes"))?;
    let only = coset::Header {
        alg: header.alg.clone(),
        key_id: header.key_id.clone(),
        ..Default::default()
    };
    if *header != only || only.to_vec().ok().as_deref() != Some(raw) {
        return Err(Unreadable(
            "its protected header holds more than algorithm and kid",
        ));
    }
    Ok((algorithm, kid))
}

/// One CBOR item in its shortest form and nothing after it.
pub(crate) fn read_deterministic(bytes: &[u8]) -> Result<Value, Unreadable> {
    let mut rest = bytes;
    let value: Value = coset::cbor::from_reader(&mut rest).map_err(|_| Unreadable("it is not CBOR"))?;
    if !rest.is_empty() {
        return Err(Unreadable("something follows it"));
    }
    let mut again = Vec::with_capacity(bytes.len());
    coset::cbor::into_writer(&value, &mut again).map_err(|_| Unreadable("it is not CBOR"))?;
    if again != bytes {
        return Err(Unreadable("its CBOR is not the shortest form"));
    }
    Ok(value)
}
