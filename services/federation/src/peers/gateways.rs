//! Gateways of other systems that have a signature of their own: a person's health code is asked there, over HTTPS, in JSON. How a request is signed is a
//! profile; where the secret comes from, and how it is renewed, belongs to it.
//!
//! None of these profiles signs the body, and no answer is signed: what such a gateway says is believed as far as its TLS certificate is, and
//! its operator by agreement.

mod profile;
mod reading;
mod secrets;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use lutong_https::{HttpsClient, OutsideUrl, Settings};
use lutong_kernel::{Clock, Random};
use serde_json::Value;
use tokio::sync::Semaphore;

use self::profile::{Identity, Stamp};
use self::secrets::Secrets;
use crate::colour_maps::domain::RecognitionOutcome;
use crate::peers::unanswered;

pub use reading::{field, inner, text};
pub use settings::GatewayConfig;

/// Bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;
/// Requests to one gateway that are under way.
const PLACES: usize = 32;

/// What a gateway answered.
#[derive(Debug, Clone, PartialEq)]
pub enum GatewayAnswer {
    /// The whole answer, whose code is a good one.
    Good(Value),
    /// The code of the answer, whatever its HTTP status.
    Refused(String),
}

/// A client of one interface of one gateway; cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    config: GatewayConfig,
    https: HttpsClient,
    secrets: Arc<Secrets>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    places: Arc<Semaphore>,
}

impl Gateway {
    pub fn new(
        config: &GatewayConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, String> {
        config.check()?;
        let https = HttpsClient::new(Settings {
            name: config.name.clone(),
            timeout: Duration::from_millis(config.timeout_ms),
            max_bytes: MAX_ANSWER,
            ca: config.ca_file.clone(),
        });
        Ok(Self {
            config: config.clone(),
            https: https.map_err(|error| format!("ca_file: {error}"))?,
            secrets: Arc::new(Secrets::new(config)),
            clock,
            random,
            places: Arc::new(Semaphore::new(PLACES)),
        })
    }

    /// Asks. Without an answer that can be read it says why there is none, which is never a colour. A request that was refused under a secret
    /// that had been kept is sent once more under a new one.
    pub async fn ask(&self, body: &Value) -> Result<GatewayAnswer, RecognitionOutcome> {
        // Whoever answers slowly fills its own places.
        let Ok(_place) = self.places.try_acquire() else {
            return Err(RecognitionOutcome::Throttled);
        };
        let unreachable = RecognitionOutcome::Unreachable;
        let (secret, was_kept) = self.secrets.get(self).await.ok_or(unreachable)?;
        let first = self.send(&self.config.url, &secret, body).await?;
        match &first {
            GatewayAnswer::Refused(code) if was_kept && !self.config.profile.is_final(code) => {}
            _ => return Ok(first),
        }
        self.secrets.forget(&secret).await;
        let (secret, _) = self.secrets.get(self).await.ok_or(unreachable)?;
        self.send(&self.config.url, &secret, body).await
    }

    /// Sends one signed request.
    async fn send(&self, url: &str, secret: &str, body: &Value) -> Result<GatewayAnswer, RecognitionOutcome> {
        let unreachable = RecognitionOutcome::Unreachable;
        let stamp = Stamp {
            at: self.clock.now(),
            nonce: self.random.bytes(),
        };
        let by = Identity {
            requester: &self.config.requester,
            service: &self.config.service,
        };
        let url = OutsideUrl::parse(url).map_err(|_| unreachable)?;
        let mut request = Request::post(url.uri().clone()).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in self.config.profile.sign(by, secret, &stamp) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())));
        let answer = self.https.send(request.map_err(|_| unreachable)?).await;
        let answer = answer.map_err(unanswered)?;
        self.read(answer.status(), answer.body())
    }

    /// Status alone tells neither a refusal from a fault nor a fault from an answer: whatever has a code of its own is read by it.
    fn read(&self, status: StatusCode, body: &[u8]) -> Result<GatewayAnswer, RecognitionOutcome> {
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        let code = answer
            .as_ref()
            .and_then(|answer| field(answer, &["code", "errcode"]))
            .map(text);
        match (answer, code) {
            (Some(answer), Some(code)) if self.config.profile.is_good(&code) && status == StatusCode::OK => {
                Ok(GatewayAnswer::Good(answer))
            }
            (_, Some(code)) if !self.config.profile.is_good(&code) && !code.is_empty() => {
                tracing::warn!(gateway = self.config.name, %status, code, "a gateway refused a request");
                Ok(GatewayAnswer::Refused(code))
            }
            _ => Err(of_status(status)),
        }
    }
}

/// What an answer without a code of its own says.
fn of_status(status: StatusCode) -> RecognitionOutcome {
    match status {
        StatusCode::TOO_MANY_REQUESTS => RecognitionOutcome::Throttled,
        status if status.is_server_error() => RecognitionOutcome::Unreachable,
        _ => RecognitionOutcome::UnknownValue,
    }
}
