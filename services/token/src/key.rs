//! Signing keys.

#[cfg(test)]
mod tests;

use std::fmt;

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use lutong_kernel::{Random, Secret, Timestamp};
use p256::pkcs8::LineEnding;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::claims::{Claims, DYNAMIC_LIFE_SECONDS};
use crate::envelope::{self, Frame};
use crate::kid::Kid;
use crate::presentation;
use crate::sm2_key::Sm2Secret;
use crate::verifying_key::{KeyError, VerifyingKey};

/// The operating system gave no randomness for an ECDSA signature, or SM2 drew a nonce that gives none.
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
    Sm2(Box<Sm2Secret>),
}

impl SigningKey {
    /// A new key from 32 bytes of `random`.
    pub fn generate(algorithm: Algorithm, random: &dyn Random) -> Result<Self, KeyError> {
        // One draw in 2^32 is not a scalar of P-256 or SM2: a source that fails eight times in a row is broken.
        for _ in 0..8 {
            let seed = Zeroizing::new(random.bytes::<32>());
            let key = match algorithm {
                Algorithm::Ed25519 => Self::ed25519(ed25519_dalek::SigningKey::from_bytes(&seed)),
                Algorithm::Es256 => match p256::SecretKey::from_slice(seed.as_slice()) {
                    Ok(secret) => Self::es256(secret)?,
                    Err(_) => continue,
                },
                Algorithm::Sm2 => match Sm2Secret::from_scalar(seed.as_slice()) {
                    Some(secret) => Self::sm2(secret),
                    None => continue,
                },
            };
            return Ok(key);
        }
        Err(KeyError::Randomness)
    }

    /// The Ed25519 key of a seed (RFC 8032).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::ed25519(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads `-----BEGIN PRIVATE KEY-----` of every algorithm: the file names its curve.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(secret) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self::ed25519(secret));
        }
        if let Ok(secret) = p256::SecretKey::from_pkcs8_pem(pem) {
            return Self::es256(secret);
        }
        Sm2Secret::from_pkcs8_pem(pem)
            .map(Self::sm2)
            .ok_or(KeyError::PrivateKey)
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
            SecretKey::Sm2(secret) => return secret.to_pkcs8_pem().ok_or(KeyError::PrivateKey),
        };
        pem.map(|pem| Secret::new(pem.as_str().to_owned()))
            .map_err(|_| KeyError::PrivateKey)
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    pub const fn kid(&self) -> Kid {
        self.public.kid()
    }

    /// The public half of the key.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The text of the token with these claims: `LT1:` and Base45.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        self.envelope(&claims.to_cwt())
            .map(|token| envelope::text(&token))
    }

    /// The bytes of a token that is bound to a device, for [`Self::present`] of the device's key.
    pub fn sign_for_device(&self, claims: &Claims) -> Result<Vec<u8>, SignError> {
        self.envelope(&claims.to_cwt())
    }

    /// What a device shows for the sixty seconds from `now`: the token that is bound to this key, signed once more with it.
    pub fn present(&self, token: &[u8], now: Timestamp) -> Result<String, SignError> {
        let payload = presentation::payload(token, now.plus_seconds(DYNAMIC_LIFE_SECONDS));
        self.envelope(&payload).map(|shown| envelope::text(&shown))
    }

    /// The bytes of the `COSE_Sign1` around a payload.
    fn envelope(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.signature(&self.frame.to_be_signed(payload))?;
        Ok(self.frame.envelope(payload, &signature))
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        match &self.secret {
            SecretKey::Ed25519(secret) => Ok(secret.sign(message).to_bytes()),
            SecretKey::Es256 { signer, nonces, .. } => {
                let signature = signer.sign(nonces, message).map_err(|_| SignError)?;
                signature.as_ref().try_into().map_err(|_| SignError)
            }
            SecretKey::Sm2(secret) => secret.sign(message).ok_or(SignError),
        }
    }

    /// Whether this is the signature that this key makes of a message, at less than half the cost of verifying it. It proves nothing if it is
    /// not: of an algorithm with random nonces a key makes many. Compared in constant time: how far a forgery is right must not be learnt.
    pub(crate) fn signs_as(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.secret {
            SecretKey::Ed25519(secret) => secret.sign(message).to_bytes().ct_eq(signature).into(),
            SecretKey::Es256 { .. } | SecretKey::Sm2(_) => false,
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

    fn sm2(secret: Sm2Secret) -> Self {
        let public = VerifyingKey::sm2(secret.public());
        Self::new(SecretKey::Sm2(Box::new(secret)), public)
    }

    fn new(secret: SecretKey, public: VerifyingKey) -> Self {
        let frame = Frame::new(public.algorithm(), public.kid());
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
