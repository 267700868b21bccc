//! One sign-in on its way: what ties the answer of a provider to the browser that asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Random, Secret};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::failure::SignInFailure;

/// The longest code or state that is read, in bytes.
const LONGEST: usize = 2_048;

/// Kept for one browser, once and for minutes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// 64 hexadecimal digits: WeChat and Alipay take no other characters than letters and digits.
    pub state: String,
    /// OpenID Connect: the ID token repeats it.
    pub(crate) nonce: String,
    /// PKCE (RFC 7636): shown when the code is exchanged.
    #[serde(with = "exposed")]
    pub(crate) verifier: Secret<String>,
    /// Where the provider sends the browser back to.
    pub(crate) redirect_uri: String,
}

/// The verifier is serialised as it is: the gateway seals what it keeps.
mod exposed {
    use super::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// What the browser brought back: the parameters of the callback.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    pub(crate) code: Option<Secret<String>>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) issuer: Option<String>,
}

impl Attempt {
    pub fn begin(random: &dyn Random, redirect_uri: String) -> Self {
        let text = || URL_SAFE_NO_PAD.encode(random.bytes::<32>());
        Self {
            state: random
                .bytes::<32>()
                .iter()
                .fold(String::new(), |text, byte| text + &format!("{byte:02x}")),
            nonce: text(),
            verifier: Secret::new(text()),
            redirect_uri,
        }
    }

    /// `code_challenge` of PKCE, method S256.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()))
    }

    /// For asking a provider whether everything but the code is right.
    pub(crate) fn nobody() -> Self {
        Self {
            state: String::new(),
            nonce: String::new(),
            verifier: Secret::new("lutong-check-0123456789-0123456789-0123456789".to_owned()),
            redirect_uri: String::new(),
        }
    }

    pub(crate) fn check_state(&self, callback: &Callback) -> Result<(), SignInFailure> {
        let is_own = |state: &str| bool::from(state.as_bytes().ct_eq(self.state.as_bytes()));
        match &callback.state {
            Some(state) if is_own(state) => Ok(()),
            _ => Err(SignInFailure::Incomplete("state")),
        }
    }
}

impl Callback {
    /// From the query of the callback. A parameter that is there twice is not read: which one the provider meant is unknown.
    pub fn parse(query: &str) -> Self {
        let one = |wanted: &[&str]| {
            let mut found = form_urlencoded::parse(query.as_bytes())
                .filter(|(name, value)| wanted.contains(&&**name) && !value.is_empty());
            let first = found.next().map(|(_, value)| value.into_owned());
            first.filter(|value| found.next().is_none() && value.len() <= LONGEST)
        };
        Self {
            // Alipay's name is `auth_code`.
            code: one(&["code", "auth_code"]).map(Secret::new),
            state: one(&["state"]),
            error: one(&["error"]),
            issuer: one(&["iss"]),
        }
    }

    /// The code. WeChat sends a person who declined back with the state alone, OpenID Connect with `access_denied`.
    pub(crate) fn code(&self) -> Result<&str, SignInFailure> {
        match (self.error.as_deref(), &self.code) {
            (None, Some(code)) => Ok(code.expose()),
            (None, None) | (Some("access_denied"), _) => Err(SignInFailure::Declined),
            (Some("temporarily_unavailable" | "server_error"), _) => Err(SignInFailure::Away),
            (Some("login_required" | "interaction_required" | "consent_required"), _) => {
                Err(SignInFailure::Expired)
            }
            (Some(_), _) => Err(SignInFailure::Misconfigured(
                crate::failure::Misconfiguration::Request,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn attempt() -> Attempt {
        Attempt::begin(&SeededRandom::new(7), "https://h/callback".to_owned())
    }

    #[test]
    fn a_state_has_only_what_every_provider_takes() {
        let state = attempt().state;
        assert!(state.len() == 64 && state.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn the_challenge_is_that_of_rfc_7636() {
        let known = Attempt {
            verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned()),
            ..attempt()
        };
        assert_eq!(known.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_state_that_is_missing_twice_there_or_anothers_is_refused() {
        let own = attempt();
        assert!(
            own.check_state(&Callback::parse(&format!("code=1&state={}", own.state)))
                .is_ok()
        );
        let twice = format!("code=1&state={0}&state={0}", own.state);
        let cut = &own.state[..63];
        for query in [
            "code=1",
            "code=1&state=",
            &twice,
            &format!("code=1&state={cut}"),
            "state=%FF",
        ] {
            let refused = own.check_state(&Callback::parse(query));
            assert_eq!(refused, Err(SignInFailure::Incomplete("state")), "{query}");
        }
    }

    #[test]
    fn whoever_comes_back_without_a_code_has_declined() {
        for query in [
            "state=1",
            "error=access_denied&state=1",
            "code=1&error=access_denied",
        ] {
            assert_eq!(
                Callback::parse(query).code(),
                Err(SignInFailure::Declined),
                "{query}"
            );
        }
        assert_eq!(Callback::parse("auth_code=7").code(), Ok("7"));
        assert_eq!(
            Callback::parse("error=server_error").code(),
            Err(SignInFailure::Away)
        );
    }

    #[test]
    fn an_attempt_is_kept_whole_and_its_verifier_is_not_printed() {
        let own = attempt();
        let kept: Attempt = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
        assert_eq!(
            (kept.challenge(), kept.state),
            (own.challenge(), own.state.clone())
        );
        assert!(!format!("{own:?}").contains(own.verifier.expose()));
    }
}
