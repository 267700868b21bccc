//! Entity tags identify the state of a resource that a caller has seen. An action sent with a tag applies to that state
//! only.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lutong_kernel::{Fault, FaultCode};
use sha2::{Digest as _, Sha256};

/// Bytes of the digest that are kept; two states of one resource collide with probability 2⁻⁹⁶.
const BYTES: usize = 12;

/// The tag of one state of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    /// The tag of a resource. `parts` is everything that an action may change, in a fixed order.
    pub fn of<T: AsRef<[u8]>>(name: &str, parts: impl IntoIterator<Item = T>) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            // Length-prefixed, so that the boundaries of parts are unambiguous.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        add(name.as_bytes());
        for part in parts {
            add(part.as_ref());
        }
        let digest = digest.finalize();
        Self(URL_SAFE_NO_PAD.encode(&digest[..BYTES]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses a request based on another state. Must be called in the transaction of the effect, on the row that it
    /// has locked. An empty tag is unconditional.
    pub fn check(&self, asked: &str, state: &str) -> Result<(), Fault> {
        if asked.is_empty() || asked == self.0 {
            return Ok(());
        }
        Err(Fault::new(
            FaultCode::Aborted,
            "STALE",
            "内容已变化，请刷新后再操作",
            "it has changed since you read it: read it again, then decide",
        )
        .with("state", state)
        .with("etag", self.0.clone()))
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Etag> for String {
    fn from(etag: Etag) -> Self {
        etag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_one_resource_and_one_state_and_fits_a_url() {
        let tag = Etag::of("a/1", ["proposed", "x"]);
        assert_eq!(tag, Etag::of("a/1", ["proposed", "x"]));
        for other in [
            Etag::of("a/2", ["proposed", "x"]),
            Etag::of("a/1", ["approved", "x"]),
            Etag::of("a/1", ["proposedx", ""]),
            Etag::of("a/1", ["proposed"]),
        ] {
            assert_ne!(tag, other);
        }
        let url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        assert!(tag.as_str().len() == 16 && tag.as_str().chars().all(url_safe));
    }

    #[test]
    fn an_empty_tag_is_unconditional_and_another_is_told_the_state() {
        let tag = Etag::of("a/1", ["approved"]);
        assert!(tag.check("", "APPROVED").is_ok() && tag.check(tag.as_str(), "APPROVED").is_ok());
        let stale = tag.check("other", "APPROVED").unwrap_err();
        assert_eq!((stale.code, &*stale.reason), (FaultCode::Aborted, "STALE"));
        let said: Vec<_> = stale
            .metadata
            .iter()
            .map(|(key, value)| (&**key, value.as_str()))
            .collect();
        assert_eq!(said, [("state", "APPROVED"), ("etag", tag.as_str())]);
    }
}
