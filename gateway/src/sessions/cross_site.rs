//! Whether a browser sent a request for a page of another site. A browser says where a request comes from in
//! `Sec-Fetch-Site`, an older one in `Origin`, and no script can change either.

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use lutong_kernel::Fault;

use crate::fault::sessions::cross_site;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request says of its own origin; cheap to make.
#[derive(Debug, Clone, Copy)]
pub struct RequestSite<'a> {
    headers: &'a HeaderMap,
    /// The host of the target in HTTP/2, where there is no `Host`.
    authority: Option<&'a str>,
}

impl<'a> RequestSite<'a> {
    pub fn of(head: &'a Parts) -> Self {
        Self {
            headers: &head.headers,
            authority: head.uri.authority().map(http::uri::Authority::as_str),
        }
    }

    /// Refuses a request of another site. One that says nothing of its origin is let through: it is no browser's, or one
    /// of a browser before 2020; a token decides.
    pub fn check(&self) -> Result<(), Fault> {
        let mut sites = self.headers.get_all(SEC_FETCH_SITE).iter();
        if let Some(site) = sites.next() {
            // `none`: the person did it, by address bar or bookmark. `same-site` is another host, which may be another's.
            let is_own = matches!(site.as_bytes(), b"same-origin" | b"none");
            return if is_own && sites.next().is_none() {
                Ok(())
            } else {
                Err(cross_site())
            };
        }
        let mut origins = self.headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if self.is_own(origin) => Ok(()),
            _ => Err(cross_site()),
        }
    }

    /// The scheme is not compared: TLS may end before the edge.
    fn is_own(&self, origin: &HeaderValue) -> bool {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        let Some(host) = host.or(self.authority) else {
            return false;
        };
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        // `null` is the origin of what has none of its own.
        origin
            .split_once("://")
            .is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn is_own(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        RequestSite::of(&head).check().is_ok()
    }

    #[test]
    fn the_browsers_own_word_decides() {
        let host = ("host", "lutong.example");
        for (site, own) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("Same-Origin", false),
            ("", false),
        ] {
            assert_eq!(is_own("/x", &[host, ("sec-fetch-site", site)]), own, "{site}");
        }
        let (own, other) = (
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        );
        assert!(!is_own("/x", &[host, own, other]), "two of them");
        // A page with the referrer policy `no-referrer` sends `Origin: null` also to itself.
        assert!(is_own("/x", &[host, own, ("origin", "null")]));
    }

    #[test]
    fn an_older_browser_is_known_by_the_host_of_its_origin() {
        for (origin, own) in [
            ("https://lutong.example", true),
            ("http://LUTONG.example", true),
            ("https://lutong.example:8443", false),
            ("https://lutong.example.evil.example", false),
            ("https://evil.example", false),
            ("lutong.example", false),
            ("null", false),
            ("", false),
        ] {
            let headers = [("host", "lutong.example"), ("origin", origin)];
            assert_eq!(is_own("/x", &headers), own, "{origin}");
        }
        let own = ("origin", "https://lutong.example");
        assert!(is_own("https://lutong.example/x", &[own]), "HTTP/2 has no Host");
        assert!(!is_own("/x", &[own]), "no host at all");
        assert!(
            !is_own("/x", &[("host", "lutong.example"), own, own]),
            "two of them"
        );
    }

    #[test]
    fn what_says_nothing_is_no_browsers() {
        assert!(is_own("/x", &[("host", "lutong.example")]));
    }
}
