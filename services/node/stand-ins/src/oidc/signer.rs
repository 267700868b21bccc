//! A key of an OpenID provider, and what it publishes of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

const PROVIDER_KEY: &str = include_str!("../../keys/provider.private.pem");

enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// Signs ID tokens. The keys of curves are new each time; ring makes none of RSA, which is the one of this crate.
pub struct Signer {
    kid: String,
    pair: Pair,
}

impl Signer {
    /// # Panics
    /// Where the system has no randomness.
    pub fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .and_then(|der| {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref(), &random)
                    .map_err(|_| ring::error::Unspecified)
            })
            .expect("a new key of P-256");
        Self::new(kid, Pair::Es256(pair))
    }

    /// # Panics
    /// Where the system has no randomness.
    pub fn ed25519(kid: &str) -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a new key of Ed25519");
        let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("the key that was just made");
        Self::new(kid, Pair::Ed25519(pair))
    }

    pub fn rs256(kid: &str) -> Self {
        Self::rsa(kid, &RSA_PKCS1_SHA256)
    }

    pub fn ps256(kid: &str) -> Self {
        Self::rsa(kid, &RSA_PSS_SHA256)
    }

    fn rsa(kid: &str, encoding: &'static dyn RsaEncoding) -> Self {
        let pair = RsaKeyPair::from_pkcs8(&crate::alipay::der(PROVIDER_KEY)).expect("the key of this crate");
        Self::new(kid, Pair::Rsa(pair, encoding))
    }

    fn new(kid: &str, pair: Pair) -> Self {
        Self {
            kid: kid.to_owned(),
            pair,
        }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key set that the provider publishes.
    pub fn key_set(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
            Pair::Rsa(pair, _) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "n": encode(&public.n), "e": encode(&public.e)})
            }
        };
        key["kid"] = json!(self.kid);
        key["use"] = json!("sig");
        json!({"keys": [key]})
    }

    /// A token with this header and these claims, whatever the header says.
    ///
    /// # Panics
    /// Where the system has no randomness.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        let signed = encoded(header, claims);
        let signature = match &self.pair {
            Pair::Es256(pair) => pair
                .sign(&random, signed.as_bytes())
                .expect("a signature")
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, signed.as_bytes(), &mut signature)
                    .expect("a signature");
                signature
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token without a signature.
    pub fn unsigned(claims: &Value) -> String {
        format!("{}.", encoded(&json!({"alg": "none"}), claims))
    }
}

fn encoded(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", encode(header), encode(claims))
}
