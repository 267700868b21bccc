//! The session in a cookie, and the sign-in on its way in another. gRPC and gRPC-Web never read it.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use lutong_kernel::Fault;

use crate::config::GatewayConfig;
use crate::fault::sessions::{session_invalid, session_too_large};

/// Browsers drop a cookie whose name and value are longer together, without a word.
const LONGEST: usize = 4_096;

/// A cookie of the gateway: the session, or a sign-in on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    name: &'static str,
    is_secure: bool,
}

impl Cookie {
    /// `__Host-`: a browser takes it over HTTPS only, for this host only and for all of its paths, and no other host can
    /// set one in its place.
    const SESSION: Self = Self::host("__Host-lutong");
    const ATTEMPT: Self = Self::host("__Host-lutong-attempt");

    /// Without the prefix and without `Secure`, where the development identity provider is on: that is plain HTTP on
    /// loopback. Chromium and Firefox take a `Secure` cookie there; WebKit (Safari, every browser of iOS) discards it
    /// (bug 281149), and nobody could sign in.
    const DEV_SESSION: Self = Self::loopback("lutong-dev");
    const DEV_ATTEMPT: Self = Self::loopback("lutong-dev-attempt");

    const fn host(name: &'static str) -> Self {
        Self {
            name,
            is_secure: true,
        }
    }

    const fn loopback(name: &'static str) -> Self {
        Self {
            name,
            is_secure: false,
        }
    }

    /// The cookie of the session. The configuration allows the development identity provider on loopback only.
    pub const fn session(config: &GatewayConfig) -> Self {
        if config.dev {
            Self::DEV_SESSION
        } else {
            Self::SESSION
        }
    }

    /// The cookie of a sign-in on its way.
    pub const fn attempt(config: &GatewayConfig) -> Self {
        if config.dev {
            Self::DEV_ATTEMPT
        } else {
            Self::ATTEMPT
        }
    }

    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The value that a request carries. A browser that keeps to the rules sends one cookie of the name; of two, one
    /// was planted, and neither is believed.
    pub fn read(self, headers: &HeaderMap) -> Result<Option<&str>, Fault> {
        let mut values = headers
            .get_all(COOKIE)
            .iter()
            // HTTP/2 may split the header into several.
            .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| self.value_of(pair));
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() || value.len() > LONGEST {
            return Err(session_invalid());
        }
        std::str::from_utf8(value)
            .map(Some)
            .map_err(|_| session_invalid())
    }

    /// The value of a `name=value` of this name.
    fn value_of(self, pair: &[u8]) -> Option<&[u8]> {
        pair.trim_ascii()
            .strip_prefix(self.name().as_bytes())?
            .strip_prefix(b"=")
    }

    /// `Set-Cookie` with a new value, which a browser keeps for so long.
    pub fn set(self, value: &str, ttl_s: u64) -> Result<HeaderValue, Fault> {
        if self.name().len() + value.len() > LONGEST {
            return Err(session_too_large());
        }
        self.header(value, ttl_s)
            .map_err(|error| Fault::internal(format_args!("it is no header value: {error}")))
    }

    /// `Set-Cookie` that takes it out of the browser.
    pub fn clear(self) -> HeaderValue {
        // Nothing in it comes from outside: this is a header.
        self.header("", 0)
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    fn header(self, value: &str, ttl_s: u64) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.name();
        let mut header = HeaderValue::try_from(format!(
            "{name}={value}; Path=/; Max-Age={ttl_s}; HttpOnly; SameSite=Lax{secure}"
        ))?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_among_others_and_over_several_headers() {
        let read = |values: &[&str]| {
            let headers = cookies(values);
            let read = Cookie::SESSION.read(&headers);
            read.map(|value| value.map(str::to_owned))
                .map_err(|fault| fault.reason.into_owned())
        };
        let (none, session) = (Ok(None), Ok(Some("abc".to_owned())));
        let refused = Err("SESSION_INVALID".to_owned());
        for (values, expected) in [
            (&[][..], &none),
            (&["a=b; c=d"], &none),
            (&["__Host-lutong=abc"], &session),
            (&["a=b;  __Host-lutong=abc ;c=d"], &session),
            (&["a=b", "__Host-lutong=abc"], &session),
            // Another name, in whatever way it resembles this one.
            (
                &["__Host-lutongx=abc; __host-lutong=x; lutong=x; lutong-dev=x"],
                &none,
            ),
            (&["__Host-lutong"], &none),
            (&["__Host-lutong =abc"], &none),
            // Two of the name, also when they are the same.
            (&["__Host-lutong=abc; __Host-lutong=abd"], &refused),
            (&["__Host-lutong=abc", "__Host-lutong=abc"], &refused),
        ] {
            assert_eq!(read(values), *expected, "{values:?}");
        }
        let mut headers = HeaderMap::new();
        let not_utf_8 = HeaderValue::from_bytes(b"__Host-lutong=\xff").unwrap();
        headers.insert(COOKIE, not_utf_8);
        assert!(Cookie::SESSION.read(&headers).is_err());
    }

    #[test]
    fn a_cookie_that_no_browser_would_keep_is_neither_read_nor_set() {
        let longest = LONGEST - Cookie::SESSION.name().len();
        assert!(Cookie::SESSION.set(&"a".repeat(longest), 60).is_ok());
        let refused = Cookie::SESSION.set(&"a".repeat(longest + 1), 60);
        assert_eq!(refused.unwrap_err().reason, "SESSION_TOO_LARGE");
        let mut headers = HeaderMap::new();
        let long = format!("__Host-lutong={}", "a".repeat(LONGEST + 1));
        headers.insert(COOKIE, long.parse().unwrap());
        assert_eq!(
            Cookie::SESSION.read(&headers).unwrap_err().reason,
            "SESSION_INVALID"
        );
    }

    #[test]
    fn the_attributes_are_those_of_the_prefix_and_on_loopback_all_but_secure() {
        assert_eq!(
            Cookie::SESSION.set("abc", 60).unwrap(),
            "__Host-lutong=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            Cookie::DEV_SESSION.set("abc", 60).unwrap(),
            "lutong-dev=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            Cookie::SESSION.clear(),
            "__Host-lutong=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(Cookie::SESSION.set("a\r\nx: y", 60).is_err());
    }
}
