//! Signing and verifying keys.

#[cfg(test)]
mod tests;

use std::fmt;

use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _};
use lutong_kernel::{Random, Secret, Timestamp};
use p256::pkcs8::LineEnding;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, DYNAMIC_LIFE_SECONDS};
use crate::envelope::Frame;
use crate::kid::Kid;
use crate::presentation;

/// A key that cannot be read, made or trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a signing key is a PKCS#8 PEM of Ed25519 or P-256")]
    PrivateKey,
    #[error("a verifying key is a SubjectPublicKeyInfo PEM of Ed25519 or P-256")]
    PublicKey,
    #[error("a raw verifying key has 32 bytes (Ed25519) or is an uncompressed point of 65 (P-256)")]
    Raw,
    #[error("an Ed25519 key of small order proves nothing")]
    Weak,
    #[error("the source of randomness gives no usable key")]
    Randomness,
}

/// The operating system gave no randomness for an ECDSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SignError;

/// A key that signs tokens. Its debug form is its algorithm and kid.
pub struct SigningKey {
    secret: SecretKey,
    public: VerifyingKey,
    frame: Frame,
}

enum SecretKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// `signer` of ring signs four times faster than p256. `secret` of p256 holds the same key, since ring neither derives
    /// the public half from the private one nor writes PKCS#8. ring draws the nonce itself (hedged with key and message):
    /// an ES256 token has a different text each time, so that the text must not identify it.
    Es256 {
        secret: Box<p256::SecretKey>,
        signer: Box<EcdsaKeyPair>,
        nonces: SystemRandom,
    },
}

impl SigningKey {
    /// A new key from 32 bytes of `random`.
    pub fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Self, KeyError> {
        // One draw in 2^32 is not a P-256 scalar: a source that fails eight times in a row is broken.
        for _ in 0..8 {
            let seed = Zeroizing::new(random.bytes::<32>());
            let key = match algorithm {
                Algorithm::Ed25519 => Self::ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)),
                Algorithm::Es256 => match p256::SecretKey::from_slice(seed.as_slice()) {
                    Ok(secret) => Self::es256(secret)?,
                    Err(_) => continue,
                },
            };
            return Ok(key);
        }
        Err(KeyError::Randomness)
    }

    /// Reads `-----BEGIN PRIVATE KEY-----` of either algorithm.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(secret) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self::ed25519(secret));
        }
        let secret = p256::SecretKey::from_pkcs8_pem(pem).map_err(|_| KeyError::PrivateKey)?;
        Self::es256(secret)
    }

    /// The PEM of version 1 of PKCS#8, which every OpenSSL reads.
    pub fn to_pkcs8_pem(&self) -> Result<Secret<String>, KeyError> {
        let pem = match &self.secret {
            SecretKey::Ed25519(secret) => KeypairBytes {
                secret_key: secret.to_bytes(),
                public_key: None,
            }
            .to_pkcs8_pem(LineEnding::LF),
            SecretKey::Es256 { secret, .. } => secret.to_pkcs8_pem(LineEnding::LF),
        };
        pem.map(|pem| Secret::new(pem.as_str().to_owned()))
            .map_err(|_| KeyError::PrivateKey)
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    pub const fn kid(&self) -> Kid {
        self.public.kid
    }

    /// The public half of the key.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The text of the token with these claims: `LT1:` and Base45.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let payload = claims.to_cwt();
        let signature = self.signature(&self.frame.to_be_signed(&payload))?;
        Ok(self.frame.token(&payload, &signature))
    }

    /// The bytes of a token that is bound to a device, for [`Self::present`] of the device's key.
    pub fn sign_for_device(&self, claims: &Claims) -> Result<Vec<u8>, SignError> {
        let payload = claims.to_cwt();
        let signature = self.signature(&self.frame.to_be_signed(&payload))?;
        Ok(self.frame.envelope(&payload, &signature))
    }

    /// What a device shows for the sixty seconds from `now`: the token that is bound to this key, signed once more with it.
    pub fn present(&self, token: &[u8], now: Timestamp) -> Result<String, SignError> {
        let payload = presentation::payload(token, now.plus_seconds(DYNAMIC_LIFE_SECONDS));
        let signature = self.signature(&self.frame.to_be_signed(&payload))?;
        Ok(self.frame.token(&payload, &signature))
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        match &self.secret {
            SecretKey::Ed25519(secret) => Ok(secret.sign(message).to_bytes()),
            SecretKey::Es256 { signer, nonces, .. } => {
                let signature = signer.sign(nonces, message).map_err(|_| SignError)?;
                signature.as_ref().try_into().map_err(|_| SignError)
            }
        }
    }

    fn ed25519(secret: ed25519_dalek::SigningKey) -> Self {
        let public = VerifyingKey::ed25519(secret.verifying_key());
        Self::new(SecretKey::Ed25519(Box::new(secret)), public)
    }

    fn es256(secret: p256::SecretKey) -> Result<Self, KeyError> {
        let public = VerifyingKey::es256(secret.public_key());
        let nonces = SystemRandom::new();
        let scalar = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
        let signer = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            scalar.as_slice(),
            public.raw(),
            &nonces,
        )
        .map_err(|_| KeyError::PrivateKey)?;
        let secret = SecretKey::Es256 {
            secret: Box::new(secret),
            signer: Box::new(signer),
            nonces,
        };
        Ok(Self::new(secret, public))
    }

    fn new(secret: SecretKey, public: VerifyingKey) -> Self {
        let frame = Frame::new(public.algorithm, public.kid);
        Self {
            secret,
            public,
            frame,
        }
    }

    #[cfg(test)]
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.signature(message).unwrap()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.kid())
    }
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
}

impl VerifyingKey {
    /// 32 bytes for Ed25519, the uncompressed point of 65 bytes for P-256.
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
            Algorithm::Es256 => Err(KeyError::Raw),
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

    /// Reads `-----BEGIN PUBLIC KEY-----` of either algorithm.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(public) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return Self::strong_ed25519(public);
        }
        let public = p256::PublicKey::from_public_key_pem(pem).map_err(|_| KeyError::PublicKey)?;
        Ok(Self::es256(public))
    }

    /// The PEM of SubjectPublicKeyInfo.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pem = match &self.public {
            PublicKey::Ed25519(public) => public.to_public_key_pem(LineEnding::LF),
            PublicKey::Es256(public) => public.to_public_key_pem(LineEnding::LF),
        };
        pem.map_err(|_| KeyError::PublicKey)
    }

    /// The DER of SubjectPublicKeyInfo (RFC 5280).
    pub fn to_spki_der(&self) -> Result<Vec<u8>, KeyError> {
        let der = match &self.public {
            PublicKey::Ed25519(public) => public.to_public_key_der(),
            PublicKey::Es256(public) => public.to_public_key_der(),
        };
        der.map(|der| der.as_bytes().to_vec())
            .map_err(|_| KeyError::PublicKey)
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

    fn ed25519(public: ed25519_dalek::VerifyingKey) -> Self {
        let raw = public.to_bytes();
        Self {
            algorithm: Algorithm::Ed25519,
            kid: Kid::of(&raw),
            raw: raw.into(),
            public: PublicKey::Ed25519(Box::new(public)),
        }
    }

    fn es256(public: p256::PublicKey) -> Self {
        let raw = public.to_sec1_bytes();
        Self {
            algorithm: Algorithm::Es256,
            kid: Kid::of(&raw),
            raw,
            public: PublicKey::Es256(Box::new(public)),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} {})", self.algorithm, self.kid)
    }
}
