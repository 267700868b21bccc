//! What a provider publishes about itself (OpenID Connect Discovery 1.0).

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use lutong_https::OutsideUrl;
use lutong_kernel::Timestamp;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::client::ProviderClient;
use crate::failure::{Misconfiguration, SignInFailure};

/// A document that was read is used for so long; then it is read again, and kept while that fails.
const FRESH: Duration = Duration::from_secs(3_600);

/// The endpoints of a provider.
#[derive(Debug)]
pub struct Endpoints {
    pub authorization: OutsideUrl,
    pub token: OutsideUrl,
    pub keys: OutsideUrl,
    /// Whether callbacks carry `iss` (RFC 9207).
    pub announces_issuer: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// The provider's document, read when it is first needed.
#[derive(Debug)]
pub struct Discovery {
    pub issuer: String,
    url: OutsideUrl,
    known: Mutex<Option<(Arc<Endpoints>, Timestamp)>>,
}

impl Discovery {
    pub fn new(issuer: String, url: OutsideUrl) -> Self {
        Self {
            issuer,
            url,
            known: Mutex::default(),
        }
    }

    pub async fn provider(
        &self,
        http: &ProviderClient,
        now: Timestamp,
    ) -> Result<Arc<Endpoints>, SignInFailure> {
        // Held while the document is read, so that many sign-ins read it once.
        let mut known = self.known.lock().await;
        if let Some((provider, read_at)) = &*known
            && now < read_at.plus(FRESH)
        {
            return Ok(Arc::clone(provider));
        }
        match (self.read(http).await, &*known) {
            (Ok(provider), _) => {
                let provider = Arc::new(provider);
                *known = Some((Arc::clone(&provider), now));
                Ok(provider)
            }
            (Err(failure), Some((provider, _))) => {
                tracing::warn!(issuer = self.issuer, %failure, "the provider's document is kept as it was read before");
                Ok(Arc::clone(provider))
            }
            (Err(failure), None) => Err(failure),
        }
    }

    async fn read(&self, http: &ProviderClient) -> Result<Endpoints, SignInFailure> {
        let answer = http.get(&self.url, "").await?;
        if answer.status() != StatusCode::OK {
            return Err(SignInFailure::Misconfigured(Misconfiguration::Discovery));
        }
        parse(answer.body(), &self.issuer)
    }
}

/// Another issuer than the configured one is not the provider, whatever else it publishes.
fn parse(body: &[u8], issuer: &str) -> Result<Endpoints, SignInFailure> {
    let wrong = SignInFailure::Misconfigured(Misconfiguration::Discovery);
    let document: Document = serde_json::from_slice(body).map_err(|_| wrong)?;
    if document.issuer != issuer {
        return Err(wrong);
    }
    let url = |text: &str| OutsideUrl::parse(text).map_err(|_| wrong);
    Ok(Endpoints {
        authorization: url(&document.authorization_endpoint)?,
        token: url(&document.token_endpoint)?,
        keys: url(&document.jwks_uri)?,
        announces_issuer: document.authorization_response_iss_parameter_supported,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(issuer: &str, token: &str) -> String {
        format!(
            r#"{{"issuer":"{issuer}","authorization_endpoint":"https://p/a","token_endpoint":"{token}","jwks_uri":"https://p/k"}}"#
        )
    }

    #[test]
    fn another_issuer_or_an_endpoint_without_tls_is_refused() {
        assert!(parse(document("https://p", "https://p/t").as_bytes(), "https://p").is_ok());
        for (issuer, token) in [
            ("https://p/", "https://p/t"),
            ("https://q", "https://p/t"),
            ("https://p", "http://p/t"),
            ("https://p", "/t"),
            ("https://p", "https://user:word@p/t"),
        ] {
            let refused = parse(document(issuer, token).as_bytes(), "https://p");
            assert!(refused.is_err(), "{issuer} {token}");
        }
        assert!(parse(b"{}", "https://p").is_err());
    }
}
