//! How we show the provider who asks: `client_secret_basic`, or nothing but our id (RFC 6749, section 2.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use lutong_kernel::Secret;

use crate::failure::{Misconfiguration, SignInFailure};

/// Our application at the provider.
#[derive(Debug)]
pub struct Client {
    pub id: String,
    /// None for a public client, which PKCE alone protects.
    pub secret: Option<Secret<String>>,
}

impl Client {
    /// Id and secret are encoded as in a form before they are joined, or a colon in the id would move between them.
    pub fn authorization(&self) -> Result<Option<HeaderValue>, SignInFailure> {
        let Some(secret) = &self.secret else {
            return Ok(None);
        };
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(&self.id), encode(secret.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| SignInFailure::Misconfigured(Misconfiguration::Secret))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_encoded_before_they_are_joined() {
        let client = Client {
            id: "a:b".to_owned(),
            secret: Some(Secret::new("c d/é".to_owned())),
        };
        let header = client.authorization().unwrap().unwrap();
        let encoded = header
            .to_str()
            .unwrap()
            .strip_prefix("Basic ")
            .unwrap()
            .to_owned();
        assert_eq!(STANDARD.decode(encoded).unwrap(), b"a%3Ab:c+d%2F%C3%A9");
        assert!(!format!("{header:?}").contains("Basic"));
    }

    #[test]
    fn a_public_client_shows_nothing() {
        let client = Client {
            id: "a".to_owned(),
            secret: None,
        };
        assert_eq!(client.authorization(), Ok(None));
    }
}
