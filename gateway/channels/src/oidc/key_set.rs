//! The provider's keys (JSON Web Key Set, RFC 7517), with their rotation.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{Response, StatusCode};
use lutong_https::OutsideUrl;
use lutong_kernel::Timestamp;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::algorithm::Algorithm;
use crate::client::ProviderClient;
use crate::failure::{Misconfiguration, SignInFailure};

/// A set is used at least and at most so long, whatever its `max-age` says.
const SHORTEST: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(86_400);
/// For a key that the set does not have it is read again, no more often than this.
const READ_AGAIN: Duration = Duration::from_secs(60);
/// Keys of a set.
const MOST_KEYS: usize = 100;

/// A public key and what it may verify.
#[derive(Debug)]
enum PublicKey {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key of the set.
#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// The only algorithm that it is for, where the set says one.
    algorithm: Option<Algorithm>,
    public: PublicKey,
}

/// The keys that can verify a signature.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct WireSet {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
struct WireKey {
    #[serde(default)]
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// The set as it was last read.
#[derive(Debug)]
struct ReadSet {
    keys: Arc<Keys>,
    read_at: Timestamp,
    fresh_until: Timestamp,
}

/// The key set of one provider; read when it is first needed.
#[derive(Debug, Default)]
pub struct KeySet(Mutex<Option<ReadSet>>);

impl KeySet {
    /// The keys. `missing` is a key id that the caller did not find in the set before.
    pub async fn get(
        &self,
        http: &ProviderClient,
        url: &OutsideUrl,
        now: Timestamp,
        missing: Option<&str>,
    ) -> Result<Arc<Keys>, SignInFailure> {
        // Held while the set is read, so that many sign-ins read it once.
        let mut known = self.0.lock().await;
        if let Some(set) = &*known {
            let has_it = missing.is_none_or(|kid| set.keys.has(kid));
            let may_read_again = now >= set.read_at.plus(READ_AGAIN);
            if now < set.fresh_until && (has_it || !may_read_again) {
                return Ok(Arc::clone(&set.keys));
            }
        }
        match (read(http, url).await, &*known) {
            (Ok((keys, max_age)), _) => {
                let keys = Arc::new(keys);
                *known = Some(ReadSet {
                    keys: Arc::clone(&keys),
                    read_at: now,
                    fresh_until: now.plus(max_age),
                });
                Ok(keys)
            }
            (Err(failure), Some(set)) => {
                tracing::warn!(%failure, "the provider's keys are used as they were read before");
                Ok(Arc::clone(&set.keys))
            }
            (Err(failure), None) => Err(failure),
        }
    }
}

async fn read(http: &ProviderClient, url: &OutsideUrl) -> Result<(Keys, Duration), SignInFailure> {
    let answer = http.get(url, "").await?;
    if answer.status() != StatusCode::OK {
        return Err(SignInFailure::Misconfigured(Misconfiguration::Discovery));
    }
    Ok((Keys::parse(answer.body())?, max_age(&answer)))
}

fn max_age(answer: &Response<Bytes>) -> Duration {
    let header = answer
        .headers()
        .get(CACHE_CONTROL)
        .and_then(|value| value.to_str().ok());
    let mut directives = header.unwrap_or_default().split(',').map(str::trim);
    let seconds = directives.find_map(|one| one.strip_prefix("max-age=")?.parse().ok());
    seconds
        .map_or(SHORTEST, Duration::from_secs)
        .clamp(SHORTEST, LONGEST)
}

impl Keys {
    /// Keys that this system has no use for are passed over; a set too large is refused.
    pub fn parse(body: &[u8]) -> Result<Self, SignInFailure> {
        let set: WireSet = serde_json::from_slice(body)
            .map_err(|_| SignInFailure::Misconfigured(Misconfiguration::Discovery))?;
        if set.keys.len() > MOST_KEYS {
            return Err(SignInFailure::Misconfigured(Misconfiguration::Discovery));
        }
        Ok(Self(set.keys.into_iter().filter_map(Key::read).collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Whether one of the keys that a token names made the signature. Without a key id there must be one key of the
    /// algorithm only. `None`: there is no such key.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let fits = |key: &&Key| key.fits(algorithm) && (kid.is_none() || key.kid.as_deref() == kid);
        let mut fitting = self.0.iter().filter(fits);
        let key = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        Some(key.verify(algorithm, signed, signature))
    }
}

impl Key {
    fn read(wire: WireKey) -> Option<Self> {
        if wire.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let key = match (&*wire.kty, &*wire.crv) {
            ("RSA", _) => {
                let (n, e) = (bytes(&wire.n)?, bytes(&wire.e)?);
                // `ring` takes no leading zeros; 65,537 is what it and everybody uses.
                let stripped = |bytes: Vec<u8>| {
                    bytes
                        .into_iter()
                        .skip_while(|byte| *byte == 0)
                        .collect::<Vec<_>>()
                };
                let (n, e) = (stripped(n), stripped(e));
                (e == [1, 0, 1]).then_some(PublicKey::Rsa { n, e })?
            }
            ("EC", "P-256") => {
                let (x, y) = (bytes(&wire.x)?, bytes(&wire.y)?);
                (x.len() == 32 && y.len() == 32).then(|| PublicKey::P256([&[4], &*x, &*y].concat()))?
            }
            ("OKP", "Ed25519") => PublicKey::Ed25519(bytes(&wire.x).filter(|x| x.len() == 32)?),
            _ => return None,
        };
        let algorithm = match wire.alg {
            None => None,
            Some(name) => Some(name.parse().ok()?),
        };
        Some(Self {
            kid: wire.kid,
            algorithm,
            public: key,
        })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_type = matches!(
            (&self.public, algorithm),
            (PublicKey::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (PublicKey::P256(_), Algorithm::Es256)
                | (PublicKey::Ed25519(_), Algorithm::EdDsa)
        );
        is_type && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.public {
            PublicKey::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            PublicKey::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(signed, signature)
            }
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_for_other_uses_and_of_other_kinds_are_passed_over() {
        let x = URL_SAFE_NO_PAD.encode([1; 32]);
        let set = format!(
            r#"{{"keys":[
                {{"kty":"EC","crv":"P-256","kid":"a","x":"{x}","y":"{x}"}},
                {{"kty":"EC","crv":"P-256","kid":"b","use":"enc","x":"{x}","y":"{x}"}},
                {{"kty":"EC","crv":"P-384","kid":"c","x":"{x}","y":"{x}"}},
                {{"kty":"oct","kid":"d","k":"{x}"}},
                {{"kty":"OKP","crv":"Ed25519","kid":"e","x":"{x}","alg":"EdDSA"}},
                {{"kty":"OKP","crv":"Ed25519","kid":"f","x":"AAAA"}},
                {{"kty":"RSA","kid":"g","n":"{x}","e":"Aw"}},
                {{"kty":"EC","crv":"P-256","kid":"h","alg":"HS256","x":"{x}","y":"{x}"}}
            ]}}"#
        );
        let keys = Keys::parse(set.as_bytes()).unwrap();
        let named: Vec<_> = keys.0.iter().filter_map(|key| key.kid.as_deref()).collect();
        assert_eq!(named, ["a", "e"]);
        assert!(keys.has("a") && !keys.has("b"));
    }

    #[test]
    fn without_a_key_id_two_keys_of_an_algorithm_are_one_too_many() {
        let key = |kid: &str| {
            let x = URL_SAFE_NO_PAD.encode([1; 32]);
            format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{kid}","x":"{x}"}}"#)
        };
        let keys =
            |list: &[String]| Keys::parse(format!(r#"{{"keys":[{}]}}"#, list.join(",")).as_bytes()).unwrap();
        let verify = |keys: &Keys, kid| keys.verify(Algorithm::EdDsa, kid, b"x", &[0; 64]);
        assert_eq!(verify(&keys(&[key("a")]), None), Some(false));
        assert_eq!(verify(&keys(&[key("a"), key("b")]), None), None);
        assert_eq!(verify(&keys(&[key("a"), key("b")]), Some("b")), Some(false));
        assert_eq!(verify(&keys(&[key("a")]), Some("z")), None);
        assert_eq!(
            keys(&[key("a")]).verify(Algorithm::Rs256, Some("a"), b"x", &[0; 64]),
            None
        );
    }

    #[test]
    fn a_set_is_kept_no_shorter_and_no_longer_than_bounds() {
        let with = |header: &'static str| {
            max_age(
                &Response::builder()
                    .header(CACHE_CONTROL, header)
                    .body(Bytes::new())
                    .unwrap(),
            )
        };
        assert_eq!(with("public, max-age=600"), Duration::from_secs(600));
        assert_eq!(with("max-age=1"), SHORTEST);
        assert_eq!(with("max-age=99999999"), LONGEST);
        assert_eq!(with("no-store"), SHORTEST);
    }

    #[test]
    fn a_set_of_too_many_keys_is_refused() {
        let many = vec![r#"{"kty":"oct"}"#; MOST_KEYS + 1].join(",");
        assert!(Keys::parse(format!(r#"{{"keys":[{many}]}}"#).as_bytes()).is_err());
        assert!(Keys::parse(b"{}").is_err());
    }
}
