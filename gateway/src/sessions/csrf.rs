//! The synchroniser token: what a page of this site knows of its session and a page of another site cannot. It is an
//! HMAC of the session's id, so nothing is kept for it, and it holds as long as the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName};
use lutong_kernel::Fault;
use lutong_storage::crypto::{Key, keyed_hash};
use subtle::ConstantTimeEq as _;

use super::session_id::SessionId;
use crate::fault::sessions::{csrf_token_missing, csrf_token_wrong};

/// Where a script sends the token.
pub const HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// Where a form sends it.
pub const FIELD: &str = "csrf_token";

/// Makes and checks the tokens.
pub struct CsrfTokens(Key);

impl CsrfTokens {
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// The token of a session.
    pub fn of(&self, session: &SessionId) -> String {
        URL_SAFE_NO_PAD.encode(keyed_hash(&self.0, session.as_bytes()))
    }

    /// Refuses everything but the session's own token, in constant time.
    pub fn check(&self, session: &SessionId, token: Option<&[u8]>) -> Result<(), Fault> {
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or_else(csrf_token_missing)?;
        let is_own = self.of(session).as_bytes().ct_eq(token);
        if bool::from(is_own) {
            Ok(())
        } else {
            Err(csrf_token_wrong())
        }
    }

    /// The same for the token in the header; two of them are none of this session.
    pub fn check_header(&self, session: &SessionId, headers: &HeaderMap) -> Result<(), Fault> {
        let mut tokens = headers.get_all(HEADER).iter();
        let token = tokens.next();
        if tokens.next().is_some() {
            return Err(csrf_token_wrong());
        }
        self.check(session, token.map(http::HeaderValue::as_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_sessions_and_its_keys_alone() {
        let tokens = CsrfTokens::new(Key::new([1; 32]));
        let own = SessionId::of("own");
        let token = tokens.of(&own);
        assert!(tokens.check(&own, Some(token.as_bytes())).is_ok());
        let reason = |session: &SessionId, token: Option<&[u8]>| {
            tokens.check(session, token).unwrap_err().reason.into_owned()
        };
        assert_eq!(reason(&own, None), "CSRF_TOKEN_MISSING");
        assert_eq!(reason(&own, Some(b"")), "CSRF_TOKEN_MISSING");
        assert_eq!(
            reason(&SessionId::of("other"), Some(token.as_bytes())),
            "CSRF_TOKEN_WRONG"
        );
        let longer = format!("{token}A");
        let other_key = CsrfTokens::new(Key::new([2; 32])).of(&own);
        for other in [&token[..token.len() - 1], &longer, &other_key, "A"] {
            assert_eq!(
                reason(&own, Some(other.as_bytes())),
                "CSRF_TOKEN_WRONG",
                "{other}"
            );
        }
    }

    #[test]
    fn a_header_that_comes_twice_is_wrong_though_one_of_them_is_right() {
        let tokens = CsrfTokens::new(Key::new([1; 32]));
        let own = SessionId::of("own");
        let mut headers = HeaderMap::new();
        let missing = tokens.check_header(&own, &headers).unwrap_err();
        assert_eq!(missing.reason, "CSRF_TOKEN_MISSING");
        headers.append(HEADER, tokens.of(&own).parse().unwrap());
        assert!(tokens.check_header(&own, &headers).is_ok());
        headers.append(HEADER, "x".parse().unwrap());
        let twice = tokens.check_header(&own, &headers).unwrap_err();
        assert_eq!(twice.reason, "CSRF_TOKEN_WRONG");
    }
}
