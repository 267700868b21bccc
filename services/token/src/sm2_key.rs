//! SM2 signatures with SM3 (GB/T 32918.2-2016, GB/T 32905-2016).

use lutong_kernel::Secret;
use p256::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, Document, EncodePrivateKey as _, EncodePublicKey as _,
    LineEnding,
};
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

/// The identifier of the signer that enters every signature (GB/T 32918.2-2016, 5.5). GM/T 0009-2012, section 10 gives this one where two
/// sides have agreed on none.
const IDENTIFIER: &str = "1234567812345678";

/// The private half of a key. It draws its nonces from key and message (RFC 6979, with SM3): the same claims have the same text.
#[derive(Clone)]
pub(crate) struct Sm2Secret(SigningKey);

/// The public half of a key.
#[derive(Clone)]
pub(crate) struct Sm2Public(VerifyingKey);

impl Sm2Secret {
    /// The key of a scalar, unless it is none: zero, or not below the order of the curve.
    pub(crate) fn from_scalar(scalar: &[u8]) -> Option<Self> {
        SigningKey::from_slice(IDENTIFIER, scalar).ok().map(Self)
    }

    pub(crate) fn from_pkcs8_pem(pem: &str) -> Option<Self> {
        let secret = sm2::SecretKey::from_pkcs8_pem(pem).ok()?;
        SigningKey::new(IDENTIFIER, &secret).ok().map(Self)
    }

    pub(crate) fn to_pkcs8_pem(&self) -> Option<Secret<String>> {
        let secret = sm2::SecretKey::from(*self.0.as_nonzero_scalar());
        let pem = secret.to_pkcs8_pem(LineEnding::LF).ok()?;
        Some(Secret::new(pem.as_str().to_owned()))
    }

    pub(crate) fn public(&self) -> Sm2Public {
        Sm2Public(self.0.verifying_key().clone())
    }

    /// r ‖ s.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<[u8; 64]> {
        self.0
            .try_sign(message)
            .ok()
            .map(|signature| signature.to_bytes().into())
    }
}

impl Sm2Public {
    /// The key of an uncompressed point (GB/T 32918.1-2016, 4.2.9: 04, x, y).
    pub(crate) fn from_point(point: &[u8]) -> Option<Self> {
        Self::of(sm2::PublicKey::from_sec1_bytes(point).ok()?)
    }

    pub(crate) fn from_pem(pem: &str) -> Option<Self> {
        Self::of(sm2::PublicKey::from_public_key_pem(pem).ok()?)
    }

    fn of(public: sm2::PublicKey) -> Option<Self> {
        VerifyingKey::new(IDENTIFIER, public).ok().map(Self)
    }

    pub(crate) fn point(&self) -> Box<[u8]> {
        self.0.to_sec1_bytes()
    }

    pub(crate) fn to_spki_der(&self) -> Option<Document> {
        self.0.to_public_key_der().ok()
    }

    pub(crate) fn to_pem(&self) -> Option<String> {
        self.0.to_public_key_pem(LineEnding::LF).ok()
    }

    /// Whether r ‖ s is a signature of `message` by this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl PartialEq for Sm2Public {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_affine() == other.0.as_affine()
    }
}

impl Eq for Sm2Public {}
