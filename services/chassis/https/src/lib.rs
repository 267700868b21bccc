#![doc = include_str!("../README.md")]

mod failure;
mod trust;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lutong_operating::breaker::{Attempt, Breaker};

pub use failure::CallFailure;
pub use trust::{Authorities, ClientTls, TrustError};
pub use url::{OutsideUrl, UrlError};

/// How long an unused connection is kept open.
const IDLE: Duration = Duration::from_secs(30);
/// Timeout for opening a connection; counts towards the timeout of the call.
const CONNECT: Duration = Duration::from_secs(5);

/// The name and the limits of one client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names the other side in logs and metrics, for example `wechat`.
    pub name: String,
    /// From the first byte that is sent to the last that is read.
    pub timeout: Duration,
    /// Maximum size of an answer's body, in bytes.
    pub max_bytes: usize,
    /// CA certificates (PEM) used instead of the system's trust store.
    pub ca: Option<PathBuf>,
}

/// Cheap to clone; the clones share connections and breaker.
#[derive(Clone)]
pub struct HttpsClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    breaker: Breaker,
    timeout: Duration,
    max_bytes: usize,
    name: String,
}

impl std::fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpsClient({})", self.name)
    }
}

impl HttpsClient {
    pub fn new(settings: Settings) -> Result<Self, TrustError> {
        let authorities = settings
            .ca
            .as_deref()
            .map_or(Authorities::System, Authorities::File);
        let tls = ClientTls::new(authorities)?;
        Ok(Self::with_tls(settings, &tls))
    }

    /// A client that believes and shows what `tls` says; the authorities of the settings are not read.
    pub fn with_tls(settings: Settings, tls: &ClientTls) -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.config())
            // `OutsideUrl` already refuses plain HTTP to anything but loopback.
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            client,
            breaker: Breaker::new(&settings.name),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
            name: settings.name,
        }
    }

    /// Sends a request once and reads the whole answer. Returns answers of every status except redirects.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, CallFailure> {
        self.admit()?.send(request).await
    }

    /// Asks the circuit breaker for a call, for who prepares a request only if it goes out. A call that is dropped was not made.
    pub fn admit(&self) -> Result<AdmittedCall, CallFailure> {
        let attempt = self.breaker.admit().ok_or(CallFailure::Paused)?;
        Ok(AdmittedCall {
            client: self.clone(),
            attempt,
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, CallFailure> {
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| failure::of_request(&error))?;
        if answer.status().is_redirection() {
            return Err(CallFailure::Redirected);
        }
        let (parts, body) = answer.into_parts();
        match Limited::new(body, self.max_bytes).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(CallFailure::TooLarge(self.max_bytes)),
            Err(_) => Err(CallFailure::Unreachable),
        }
    }
}

/// A call that the circuit breaker let through.
#[derive(Debug)]
#[must_use]
pub struct AdmittedCall {
    client: HttpsClient,
    attempt: Attempt,
}

impl AdmittedCall {
    /// Sends the request, as [`HttpsClient::send`] does.
    pub async fn send(self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, CallFailure> {
        let Self { client, attempt } = self;
        let answer = match tokio::time::timeout(client.timeout, client.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallFailure::TimedOut(client.timeout)),
        };
        match &answer {
            Err(failure) if failure.is_unanswered() => attempt.unanswered(),
            _ => attempt.answered(),
        }
        if let Err(failure) = &answer {
            tracing::debug!(to = client.name, %failure, "an outbound call failed");
        }
        answer
    }
}
