//! Where a browser goes after signing in: a path of this host, whatever the request says.

use http::HeaderValue;

/// No path of a page is longer, in characters.
const LONGEST: usize = 1_024;

/// A path, with its query, that no browser reads as an address of another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(String);

impl Default for ReturnPath {
    fn default() -> Self {
        Self(super::PATH.to_owned())
    }
}

impl ReturnPath {
    /// The path that was asked for, or the sign-in page where that is no path of this host.
    pub fn or_sign_in(path: &str) -> Self {
        if is_local(path) {
            Self(path.to_owned())
        } else {
            Self::default()
        }
    }

    /// Of the parameter `return_to`.
    pub fn of_query(query: Option<&str>) -> Self {
        let mut parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let return_to = parameters.find(|(name, _)| name == "return_to");
        return_to
            .map(|(_, path)| Self::or_sign_in(&path))
            .unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_header(self) -> HeaderValue {
        // It has visible ASCII only: this is a header.
        HeaderValue::try_from(self.0).unwrap_or_else(|_| HeaderValue::from_static(super::PATH))
    }
}

/// One slash first and then no second one: `//host` is another host. A browser reads a backslash as a slash and passes
/// over tabs and line ends, so there are none of these, nor anything else that is not visible ASCII; the rest of Unicode
/// comes percent-encoded.
fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    let is_rooted = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_rooted && is_plain && path.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_host_is_kept() {
        for path in [
            "/",
            "/docs",
            "/code?image_format=IMAGE_FORMAT_PNG",
            "/a//b",
            "/%E6%9D%8E",
            "/a?next=https://example.org/",
            "/%5Cevil.example",
        ] {
            assert_eq!(ReturnPath::or_sign_in(path).as_str(), path);
            assert_eq!(ReturnPath::or_sign_in(path).into_header(), path);
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_leads_to_the_sign_in_page() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for path in [
            "",
            "docs",
            "//evil.example",
            "///evil.example",
            r"\\evil.example",
            r"/\evil.example",
            r"/a\..\evil",
            "https://evil.example/",
            "HTTPS:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\r\nset-cookie: x=y",
            " //evil.example",
            "\u{0}/a",
            "/a b",
            "/李",
            "/\u{2215}evil",
            &long,
        ] {
            assert_eq!(ReturnPath::or_sign_in(path), ReturnPath::default(), "{path:?}");
        }
    }
}
