//! RSA2: RSASSA-PKCS1-v1_5 with SHA-256 over the sorted parameters of a request, and over the raw text of an answer.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

use crate::failure::{Misconfiguration, SignInFailure};

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("is no Base64 of a key, in PEM or in one line")]
    Base64,
    #[error("is no RSA private key of 2048 to 4096 bit (PKCS#8 or PKCS#1)")]
    Private,
    #[error("is no RSA public key (X.509 SubjectPublicKeyInfo)")]
    Public,
}

/// The private key of our application.
pub struct AppKey(RsaKeyPair);

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(***)")
    }
}

/// The DER of a key as Alipay's tools write it: Base64 in one line, or PEM.
fn der(text: &str) -> Result<Vec<u8>, KeyError> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    let base64: String = lines.collect();
    STANDARD.decode(base64).map_err(|_| KeyError::Base64)
}

impl AppKey {
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = der(text)?;
        RsaKeyPair::from_pkcs8(&der)
            .or_else(|_| RsaKeyPair::from_der(&der))
            .map(Self)
            .map_err(|_| KeyError::Private)
    }

    /// The signature of a request: every parameter but `sign` that has a value, sorted by name, joined as `k=v` with `&`
    /// and not percent-encoded.
    pub fn sign<'a>(
        &self,
        parameters: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<String, SignInFailure> {
        let text = signed_text(parameters);
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(|_| SignInFailure::Misconfigured(Misconfiguration::Secret))?;
        Ok(STANDARD.encode(signature))
    }
}

fn signed_text<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let sorted: BTreeMap<_, _> = parameters.filter(|(_, value)| !value.is_empty()).collect();
    let pairs: Vec<_> = sorted
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// Alipay's public key, which is not the application's.
#[derive(Debug)]
pub struct AlipayKey(Vec<u8>);

impl AlipayKey {
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let der = der(text)?;
        let info = spki::SubjectPublicKeyInfoRef::try_from(&*der).map_err(|_| KeyError::Public)?;
        let key = info.subject_public_key.as_bytes().ok_or(KeyError::Public)?;
        Ok(Self(key.to_vec()))
    }

    pub fn verify(&self, raw: &str, signature: &str) -> Result<(), SignInFailure> {
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| SignInFailure::Forged("sign"))?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(raw.as_bytes(), &signature)
            .map_err(|_| SignInFailure::Forged("sign"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_signed_in_the_order_of_their_names_without_the_empty_ones() {
        let given = [
            ("version", "1.0"),
            ("app_id", "2014"),
            ("code", ""),
            ("charset", "utf-8"),
        ];
        assert_eq!(
            signed_text(given.into_iter()),
            "app_id=2014&charset=utf-8&version=1.0"
        );
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_is_expected() {
        assert_eq!(AppKey::parse("not base64!").unwrap_err(), KeyError::Base64);
        assert_eq!(AppKey::parse("AAAA").unwrap_err(), KeyError::Private);
        assert_eq!(AlipayKey::parse("AAAA").unwrap_err(), KeyError::Public);
        assert!(
            !format!(
                "{:?}",
                AppKey::parse(lutong_stand_ins::alipay::APP_PRIVATE_KEY).unwrap()
            )
            .contains("RsaKeyPair")
        );
    }

    #[test]
    fn a_signature_holds_for_the_text_to_the_byte() {
        let key = AppKey::parse(lutong_stand_ins::alipay::APP_PRIVATE_KEY).unwrap();
        let public = AlipayKey::parse(lutong_stand_ins::alipay::APP_PUBLIC_KEY).unwrap();
        let signature = key.sign([("a", r"x\/y")].into_iter()).unwrap();
        assert_eq!(public.verify(r"a=x\/y", &signature), Ok(()));
        assert!(public.verify("a=x/y", &signature).is_err());
        assert!(public.verify(r"a=x\/y", "").is_err());
        assert!(public.verify(r"a=x\/y", &signature[4..]).is_err());
    }
}
