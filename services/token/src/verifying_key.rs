//! Verifying keys, and why a key cannot be used.

use std::fmt;

use ed25519_dalek::Signature;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use p256::pkcs8::LineEnding;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::algorithm::Algorithm;
use crate::kid::Kid;
use crate::sm2_key::Sm2Public;

/// A key that cannot be read, made or trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a signing key is a PKCS#8 PEM of Ed25519, P-256 or SM2")]
    PrivateKey,
    #[error("a verifying key is a SubjectPublicKeyInfo PEM of Ed25519, P-256 or SM2")]
    PublicKey,
    #[error("a raw verifying key has 32 bytes (Ed25519) or is an uncompressed point of 65 (P-256, SM2)")]
    Raw,
    #[error("an Ed25519 key of small order proves nothing")]
    Weak,
    #[error("the source of randomness gives no usable key")]
    Randomness,
}

/// The public half of a signing key, as key lists publish it.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: Kid,
    raw: Box<[u8]>,
    public: PublicKey,
}

#[derive(Clone, PartialEq, Eq)]
enum PublicKey {
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    Es256(Box<p256::PublicKey>),
    Sm2(Box<Sm2Public>),
}

impl VerifyingKey {
    /// 32 bytes for Ed25519, the uncompressed point of 65 bytes for P-256 and SM2.
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Ed25519 => {
                let bytes = raw.try_into().map_err(|_| KeyError::Raw)?;
                let public = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Raw)?;
                Self::strong_ed25519(public)
            }
            Algorithm::Es256 if raw.len() == 65 => {
                let public = p256::PublicKey::from_sec1_bytes(raw).map_err(|_| KeyError::Raw)?;
                Ok(Self::es256(public))
            }
            Algorithm::Sm2 if raw.len() == 65 => {
                let public = Sm2Public::from_point(raw).ok_or(KeyError::Raw)?;
                Ok(Self::sm2(public))
            }
            Algorithm::Es256 | Algorithm::Sm2 => Err(KeyError::Raw),
        }
    }

    /// The key of P-256 with this x coordinate of 32 bytes and the sign of its y coordinate (SEC 1, section 2.3.4).
    pub(crate) fn from_compressed(x: &[u8], y_is_odd: bool) -> Result<Self, KeyError> {
        let x: &[u8; 32] = x.try_into().map_err(|_| KeyError::Raw)?;
        let mut point = [0; 33];
        point[0] = 2 + u8::from(y_is_odd);
        point[1..].copy_from_slice(x);
        let public = p256::PublicKey::from_sec1_bytes(&point).map_err(|_| KeyError::Raw)?;
        Ok(Self::es256(public))
    }

    /// What [`Self::from_compressed`] reads of a key of P-256.
    pub(crate) fn compressed(&self) -> (&[u8], bool) {
        let x = self.raw.get(1..33).unwrap_or_default();
        (x, self.raw.last().is_some_and(|last| last % 2 == 1))
    }

    /// Reads `-----BEGIN PUBLIC KEY-----` of every algorithm: the file names its curve.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(public) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return Self::strong_ed25519(public);
        }
        if let Ok(public) = p256::PublicKey::from_public_key_pem(pem) {
            return Ok(Self::es256(public));
        }
        Sm2Public::from_pem(pem).map(Self::sm2).ok_or(KeyError::PublicKey)
    }

    /// The PEM of SubjectPublicKeyInfo.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pem = match &self.public {
            PublicKey::Ed25519(public) => public.to_public_key_pem(LineEnding::LF).ok(),
            PublicKey::Es256(public) => public.to_public_key_pem(LineEnding::LF).ok(),
            PublicKey::Sm2(public) => public.to_pem(),
        };
        pem.ok_or(KeyError::PublicKey)
    }

    /// The DER of SubjectPublicKeyInfo (RFC 5280).
    pub fn to_spki_der(&self) -> Result<Vec<u8>, KeyError> {
        let der = match &self.public {
            PublicKey::Ed25519(public) => public.to_public_key_der().ok(),
            PublicKey::Es256(public) => public.to_public_key_der().ok(),
            PublicKey::Sm2(public) => public.to_spki_der(),
        };
        der.map(|der| der.as_bytes().to_vec()).ok_or(KeyError::PublicKey)
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// The bytes that [`Self::from_raw`] reads. The kid is the hash of them.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether `signature` is a signature of `message` by this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            PublicKey::Ed25519(public) => Signature::from_slice(signature)
                .is_ok_and(|signature| public.verify_strict(message, &signature).is_ok()),
            PublicKey::Es256(_) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.raw)
                .verify(message, signature)
                .is_ok(),
            PublicKey::Sm2(public) => public.verifies(message, signature),
        }
    }

    /// The same key with another kid, in place of a collision, which cannot be computed.
    #[cfg(test)]
    pub(crate) fn with_kid(self, kid: Kid) -> Self {
        Self { kid, ..self }
    }

    fn strong_ed25519(public: ed25519_dalek::VerifyingKey) -> Result<Self, KeyError> {
        if public.is_weak() {
            Err(KeyError::Weak)
        } else {
            Ok(Self::ed25519(public))
        }
    }

    pub(crate) fn ed25519(public: ed25519_dalek::VerifyingKey) -> Self {
        let raw = public.to_bytes();
        Self {
            algorithm: Algorithm::Ed25519,
            kid: Kid::of(&raw),
            raw: raw.into(),
            public: PublicKey::Ed25519(Box::new(public)),
        }
    }

    pub(crate) fn es256(public: p256::PublicKey) -> Self {
        let raw = public.to_sec1_bytes();
        Self {
            algorithm: Algorithm::Es256,
            kid: Kid::of(&raw),
            raw,
            public: PublicKey::Es256(Box::new(public)),
        }
    }

    pub(crate) fn sm2(public: Sm2Public) -> Self {
        let raw = public.point();
        Self {
            algorithm: Algorithm::Sm2,
            kid: Kid::of(&raw),
            raw,
            public: PublicKey::Sm2(Box::new(public)),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.algorithm, self.kid)
    }
}
