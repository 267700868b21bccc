//! The ID token (OpenID Connect Core, section 2): a signed JWT (RFC 7519, 7515) whose every claim is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::algorithm::Algorithm;
use super::key_set::Keys;
use crate::failure::SignInFailure;

/// The longest token that is read, in bytes.
const LONGEST: usize = 16_384;
/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// An ID token is for now: one issued longer ago is not read, whatever its end, in seconds.
const OLDEST: i64 = 600;

/// What a token is held to.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a str,
    pub algorithms: &'a [Algorithm],
    /// Unix seconds.
    pub now: i64,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The set has no such key, which a newer one may have.
    UnknownKey(String),
    /// The claim, or the part of the token, that is wrong.
    Part(&'static str),
}

impl From<Refusal> for SignInFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownKey(_) => Self::Forged("kid"),
            // It was right a moment ago: the person begins again.
            Refusal::Part("exp") => Self::Expired,
            Refusal::Part(part) => Self::Forged(part),
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    jku: Option<Value>,
    jwk: Option<Value>,
    x5u: Option<Value>,
}

/// The claims of a token that was verified.
pub type Payload = Map<String, Value>;

pub fn verify(token: &str, expected: &Expected<'_>, keys: &Keys) -> Result<Payload, Refusal> {
    if token.len() > LONGEST {
        return Err(Refusal::Part("id_token"));
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(Refusal::Part("id_token"));
    };
    let bytes = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| Refusal::Part("id_token"))
    };
    let parsed: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| Refusal::Part("header"))?;
    let algorithm = parsed.algorithm(expected.algorithms)?;
    let signed = &token[..header.len() + 1 + payload.len()];
    match keys.verify(
        algorithm,
        parsed.kid.as_deref(),
        signed.as_bytes(),
        &bytes(signature)?,
    ) {
        Some(true) => {}
        Some(false) => return Err(Refusal::Part("signature")),
        None => return Err(Refusal::UnknownKey(parsed.kid.unwrap_or_default())),
    }
    let claims: Payload = serde_json::from_slice(&bytes(payload)?).map_err(|_| Refusal::Part("payload"))?;
    check_claims(&claims, expected)?;
    check_access_token(&claims, algorithm, expected.access_token)?;
    Ok(claims)
}

impl Header {
    /// Keys come from the provider's set alone: whatever names others in the token is refused.
    fn algorithm(&self, accepted: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let foreign = [&self.crit, &self.jku, &self.jwk, &self.x5u];
        let is_jwt = self
            .typ
            .as_deref()
            .is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
        if foreign.iter().any(|member| member.is_some()) || !is_jwt {
            return Err(Refusal::Part("header"));
        }
        let algorithm: Result<Algorithm, _> = self.alg.parse();
        algorithm
            .ok()
            .filter(|algorithm| accepted.contains(algorithm))
            .ok_or(Refusal::Part("alg"))
    }
}

fn check_claims(claims: &Payload, expected: &Expected<'_>) -> Result<(), Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(Refusal::Part("iss"));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.client_id) {
        return Err(Refusal::Part("aud"));
    }
    let authorised = text("azp");
    let needs_authorised = audiences.len() > 1;
    if (needs_authorised || authorised.is_some()) && authorised != Some(expected.client_id) {
        return Err(Refusal::Part("azp"));
    }
    let instant = |name: &'static str| claims.get(name).and_then(seconds).ok_or(Refusal::Part(name));
    if instant("exp")? <= expected.now - LEEWAY {
        return Err(Refusal::Part("exp"));
    }
    let issued = instant("iat")?;
    if issued > expected.now + LEEWAY || issued < expected.now - OLDEST {
        return Err(Refusal::Part("iat"));
    }
    if claims.contains_key("nbf") && instant("nbf")? > expected.now + LEEWAY {
        return Err(Refusal::Part("nbf"));
    }
    let is_own = |nonce: &str| bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes()));
    match text("nonce").map(is_own) {
        Some(true) => Ok(()),
        _ => Err(Refusal::Part("nonce")),
    }
}

/// Seconds since 1970, whole or not.
fn seconds(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation)] // saturates, and is compared only
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// `at_hash`, where it is there: the left half of the access token's hash.
fn check_access_token(claims: &Payload, algorithm: Algorithm, access_token: &str) -> Result<(), Refusal> {
    let Some(claimed) = claims.get("at_hash") else {
        return Ok(());
    };
    let hash = match algorithm {
        Algorithm::EdDsa => Sha512::digest(access_token)[..32].to_vec(),
        _ => Sha256::digest(access_token)[..16].to_vec(),
    };
    if claimed.as_str() == Some(&URL_SAFE_NO_PAD.encode(hash)) {
        return Ok(());
    }
    Err(Refusal::Part("at_hash"))
}

#[cfg(test)]
mod tests;
