//! The text of a token and the COSE_Sign1 envelope (RFC 9052) around its claims.

#[cfg(test)]
mod tests;

use coset::cbor::Value;
use coset::iana::EnumI64 as _;
use coset::{AsCborValue as _, CoseSign1, RegisteredLabelWithPrivate};

use crate::algorithm::Algorithm;
use crate::cbor::{self, UnreadableToken};
use crate::claims::Claims;
use crate::kid::Kid;

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

    /// The text of the token.
    pub(crate) fn token(&self, payload: &[u8], signature: &[u8; 64]) -> String {
        let mut out = self.envelope.clone();
        cbor::write_bytes(&mut out, payload);
        cbor::write_bytes(&mut out, signature);
        format!("{PREFIX}{}", base45::encode(&out))
    }
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

/// A token whose signature has not been verified.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    cose: CoseSign1,
    algorithm: i64,
    kid: Kid,
    claims: Claims,
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
        Self::from_cose(&bytes)
    }

    fn from_cose(bytes: &[u8]) -> Result<Self, UnreadableToken> {
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
        let payload = cose
            .payload
            .as_deref()
            .ok_or(UnreadableToken("it has no payload"))?;
        let claims = Claims::from_cwt(payload)?;
        Ok(Self {
            cose,
            algorithm,
            kid,
            claims,
        })
    }

    /// The name of the key that the token says it is signed with.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// The claims, which anybody may have written: the signature has not been verified.
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
