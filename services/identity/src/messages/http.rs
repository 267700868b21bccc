//! Messages through an operator's gateway (`formats/messages.md`).

use std::path::PathBuf;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use http_body_util::Full;
use lutong_https::{HttpsClient, OutsideUrl};
use lutong_kernel::phone::Mobile;
use prost::bytes::Bytes;
use serde_json::json;

use super::{Message, SendFailure};

/// Bytes of an answer, which is not read.
pub const MAX_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone)]
pub struct HttpSender {
    pub url: OutsideUrl,
    pub client: HttpsClient,
    pub credential: Option<PathBuf>,
}

impl HttpSender {
    pub async fn send(&self, to: &Mobile, message: &Message) -> Result<(), SendFailure> {
        let body = json!({"to": to.expose(), "template": message.template(), "text": message.text()});
        let mut request = Request::post(self.url.uri())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|_| SendFailure::Unreachable)?;
        if let Some(credential) = self.authorization().await? {
            request.headers_mut().insert(AUTHORIZATION, credential);
        }
        let answer = self
            .client
            .send(request)
            .await
            .map_err(|_| SendFailure::Unreachable)?;
        answer
            .status()
            .is_success()
            .then_some(())
            .ok_or(SendFailure::Refused)
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, SendFailure> {
        let Some(file) = &self.credential else {
            return Ok(None);
        };
        let token = tokio::fs::read_to_string(file)
            .await
            .map_err(|_| SendFailure::Credential)?;
        let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|_| SendFailure::Credential)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
