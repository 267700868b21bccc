//! The authority's real-name check: whether a name, a document and a mobile number belong together (`formats/real-name.md`).

use std::path::PathBuf;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use lutong_chassis::BuildError;
use lutong_https::{HttpsClient, OutsideUrl, Settings};
use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::SERVICE;
use crate::people::domain::Person;
use crate::registrations::domain::RealName;

/// Bytes of an answer.
const MAX_BYTES: usize = 16 * 1024;

/// Where the authority is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RealNameConfig {
    /// `https://…`; empty: there is no check, and whom no channel has verified waits for a counter.
    pub url: String,
    /// A file whose text is sent as bearer token; read again at each check, so that it can be renewed.
    pub credential_file: Option<PathBuf>,
    /// The authority (PEM) of its certificate; absent: those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// How long it may take, in milliseconds: a person is waiting.
    pub timeout_ms: u64,
    /// How long it is left alone after it did not answer, in seconds.
    pub retry_s: u64,
}

impl Default for RealNameConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            credential_file: None,
            ca_file: None,
            timeout_ms: 1_500,
            retry_s: 30,
        }
    }
}

/// What the authority answers.
#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
enum Answer {
    Verified,
    Mismatch,
    Unavailable,
}

impl From<Answer> for RealName {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Verified => Self::Verified,
            Answer::Mismatch => Self::Mismatch,
            Answer::Unavailable => Self::Unavailable,
        }
    }
}

/// A client of the authority; cheap to clone.
#[derive(Debug, Clone)]
pub struct RealNameCheck(Option<Endpoint>);

#[derive(Debug, Clone)]
struct Endpoint {
    url: OutsideUrl,
    client: HttpsClient,
    credential: Option<PathBuf>,
}

impl RealNameCheck {
    pub fn new(config: &RealNameConfig) -> Result<Self, BuildError> {
        let wrong = |key: &str, reason: String| BuildError::Config {
            service: SERVICE,
            reason: format!("identity.real_name.{key}: {reason}"),
        };
        if config.url.is_empty() {
            return Ok(Self(None));
        }
        let client = HttpsClient::new(Settings {
            name: "real-name".to_owned(),
            timeout: Duration::from_millis(config.timeout_ms),
            max_bytes: MAX_BYTES,
            ca: config.ca_file.clone(),
        });
        Ok(Self(Some(Endpoint {
            url: OutsideUrl::parse(&config.url).map_err(|error| wrong("url", error.to_string()))?,
            client: client.map_err(|error| wrong("ca_file", error.to_string()))?,
            credential: config.credential_file.clone(),
        })))
    }

    /// Asks the authority. Whatever is no clear answer is none: nobody is verified, and nobody refused, by a broken one.
    pub async fn check(&self, person: &Person) -> RealName {
        let Some(endpoint) = &self.0 else {
            return RealName::Unavailable;
        };
        endpoint.ask(person).await.unwrap_or(RealName::Unavailable)
    }
}

impl Endpoint {
    async fn ask(&self, person: &Person) -> Option<RealName> {
        let document = &person.document;
        let country = document.issuing_country().map(|country| country.to_string());
        let body = json!({
            "full_name": person.name.expose(),
            "document_type": document.kind().into_str(),
            "number": document.number(),
            "issuing_country": country.unwrap_or_default(),
            "mobile": person.mobile.expose(),
        });
        let mut request = Request::post(self.url.uri())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        if let Some(file) = &self.credential {
            let token = tokio::fs::read_to_string(file).await.inspect_err(|error| {
                tracing::error!(file = %file.display(), %error, "the credential of the real-name check cannot be read");
            });
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.ok()?.trim())).ok()?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let answer = self.client.send(request).await;
        let answer = answer
            .inspect_err(|failure| tracing::warn!(%failure, "the real-name check is away"))
            .ok()?;
        if answer.status() != StatusCode::OK {
            tracing::warn!(
                status = answer.status().as_u16(),
                "the real-name check refused a question"
            );
            return None;
        }
        let answer: Result<Answer, _> = serde_json::from_slice(answer.body());
        answer
            .inspect_err(|_| tracing::warn!("the real-name check answered what is none of its protocol"))
            .ok()
            .map(RealName::from)
    }
}
