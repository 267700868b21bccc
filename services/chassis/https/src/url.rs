//! A URL outside the mesh that may be called.

use std::net::IpAddr;

use http::Uri;
use rustls::pki_types::ServerName;

/// An absolute `https://` URL without credentials; `http://` is accepted for loopback only.
#[derive(Clone, PartialEq, Eq)]
pub struct OutsideUrl(Uri);

/// Shows the host only: path and query may hold secrets or personal data.
impl std::fmt::Debug for OutsideUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutsideUrl({})", self.host())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("is not a URL")]
    NotAUrl,
    #[error("names no host")]
    NoHost,
    #[error("its host is no name of a certificate")]
    Host,
    #[error("has a credential in it, which belongs into a file")]
    Credential,
    #[error("begins with https:// (http:// only on this machine)")]
    Scheme,
}

impl OutsideUrl {
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::NotAUrl)?;
        let authority = uri.authority().ok_or(UrlError::NoHost)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::Credential);
        }
        let url = Self(uri);
        match url.0.scheme_str() {
            Some("https") if ServerName::try_from(url.host()).is_err() => Err(UrlError::Host),
            Some("https") => Ok(url),
            Some("http") if is_this_machine(url.host()) => Ok(url),
            _ => Err(UrlError::Scheme),
        }
    }

    /// As it was given.
    pub const fn uri(&self) -> &Uri {
        &self.0
    }

    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The URL with `parameters` appended to its query: `name=value` pairs, already percent-encoded.
    pub fn with_query(&self, parameters: &str) -> Result<Uri, UrlError> {
        let path = self.0.path_and_query().map_or("/", |path| path.as_str());
        let join = if path.contains('?') { '&' } else { '?' };
        let mut parts = self.0.clone().into_parts();
        let path = format!("{path}{join}{parameters}").parse();
        parts.path_and_query = Some(path.map_err(|_| UrlError::NotAUrl)?);
        Uri::from_parts(parts).map_err(|_| UrlError::NotAUrl)
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_https_or_of_this_machine_and_has_no_credential() {
        for good in [
            "https://a.example/x?y=1",
            "https://[2001:db8::1]:8443/",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://localhost",
        ] {
            assert!(OutsideUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("http://a.example/", UrlError::Scheme),
            ("http://10.0.0.1/", UrlError::Scheme),
            ("http://127.0.0.1.example/", UrlError::Scheme),
            ("ftp://a.example/", UrlError::Scheme),
            ("https://user:word@a.example/", UrlError::Credential),
            ("https://-a-.example-/", UrlError::Host),
            ("/records", UrlError::NoHost),
            ("a b", UrlError::NotAUrl),
        ] {
            assert_eq!(OutsideUrl::parse(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_that_there_are() {
        let with = |url: &str| {
            OutsideUrl::parse(url)
                .unwrap()
                .with_query("a=1&b=2")
                .unwrap()
                .to_string()
        };
        assert_eq!(with("https://h/x"), "https://h/x?a=1&b=2");
        assert_eq!(with("https://h/x?k=v"), "https://h/x?k=v&a=1&b=2");
        assert_eq!(with("https://h"), "https://h/?a=1&b=2");
    }

    #[test]
    fn debug_texts_show_the_host_alone() {
        let url = OutsideUrl::parse("https://h/x?secret=1").unwrap();
        assert_eq!(format!("{url:?}"), "OutsideUrl(h)");
    }
}
