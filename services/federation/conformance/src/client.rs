//! One request over HTTPS, and everything that came back: also an answer that breaks off, which a client of the product would not look at. Each
//! request has a connection of its own, so that what one case does to it is not seen by the next.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lutong_https::{Authorities, ClientTls, OutsideUrl, TrustError, UrlError};

use crate::verdict::{Failure, Finding};

/// Bytes of an answer: a batch of a thousand changes has some 60 KiB, and a third more in JSON, twice.
pub const MAX_ANSWER: usize = 256 * 1024;

/// How the system is reached.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Authorities (PEM) instead of those of this machine.
    pub ca: Option<PathBuf>,
    /// Certificate and key (PEM) of the kit, for a system that asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// From the first byte that is sent to the last that is read.
    pub timeout: Duration,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("this machine trusts no authority: name one with --ca")]
    NoAuthority,
    #[error(transparent)]
    Tls(rustls::Error),
}

/// What came back, or as much of it as did.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: Option<u16>,
    pub content_type: String,
    pub body: Bytes,
    pub elapsed: Duration,
    /// Why it is not whole.
    pub failure: Option<Failure>,
}

/// Whether an address can be called: HTTPS, or plain HTTP on this machine.
pub fn check_address(address: &str) -> Result<(), UrlError> {
    OutsideUrl::parse(address).map(drop)
}

/// A client; cheap to clone.
#[derive(Clone)]
pub struct WireClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

impl WireClient {
    pub fn new(connection: &Connection) -> Result<Self, ConnectionError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(connection)?.config())
            // `OutsideUrl` refuses plain HTTP to anything but this machine.
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self {
            client,
            timeout: connection.timeout,
        })
    }

    /// Sends a request of JSON, or asks for a page.
    pub async fn send(&self, url: &str, json: Option<String>) -> Reply {
        let started = Instant::now();
        let mut reply = Reply {
            status: None,
            content_type: String::new(),
            body: Bytes::new(),
            elapsed: Duration::ZERO,
            failure: None,
        };
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(url, json, &mut reply)).await;
        let failure = match exchanged {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure),
            Err(_) => {
                let why = format!(
                    "the whole answer was not there within {} s",
                    self.timeout.as_secs_f32()
                );
                Some(Failure::new(Finding::TimedOut, why))
            }
        };
        Reply {
            elapsed: started.elapsed(),
            failure,
            ..reply
        }
    }

    async fn exchange(&self, url: &str, json: Option<String>, reply: &mut Reply) -> Result<(), Failure> {
        let kit = |error: &dyn std::fmt::Display| Failure::new(Finding::Kit, error);
        let url = OutsideUrl::parse(url).map_err(|error| kit(&error))?;
        let method = if json.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(url.uri().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(json.unwrap_or_default())));
        let request = request.map_err(|error| kit(&error))?;
        let answer = self
            .client
            .request(request)
            .await
            .map_err(|error| unanswered(&error))?;
        reply.status = Some(answer.status().as_u16());
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        kind.unwrap_or_default().clone_into(&mut reply.content_type);
        let mut body = answer.into_body();
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                reply.body = Bytes::from(read.clone());
                Failure::new(Finding::Truncated, format!("after {} bytes: {error}", read.len()))
            })?;
            read.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            if read.len() > MAX_ANSWER {
                read.truncate(MAX_ANSWER);
                reply.body = Bytes::from(read);
                return Err(Failure::new(
                    Finding::TooLarge,
                    format!("more than {MAX_ANSWER} bytes"),
                ));
            }
        }
        reply.body = Bytes::from(read);
        Ok(())
    }
}

fn unanswered(error: &hyper_util::client::legacy::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = error.to_string();
    while let Some(error) = cause {
        if is_tls(error) {
            return Failure::new(Finding::TlsRefused, error);
        }
        last = error.to_string();
        cause = error.source();
    }
    Failure::new(Finding::Unreachable, last)
}

/// TLS errors arrive wrapped in `io::Error`.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let hidden = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || hidden.is_some_and(|hidden| hidden.is::<rustls::Error>() || is_tls(hidden))
}

/// What the system's certificate is verified with, and what it is shown.
fn tls(connection: &Connection) -> Result<ClientTls, TrustError> {
    let authorities = connection
        .ca
        .as_deref()
        .map_or(Authorities::System, Authorities::File);
    match &connection.identity {
        None => ClientTls::new(authorities),
        Some((certificate, key)) => ClientTls::with_certificate(authorities, certificate, key),
    }
}

impl From<TrustError> for ConnectionError {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::File { path, reason } => Self::File { path, reason },
            TrustError::NoAuthority => Self::NoAuthority,
            TrustError::Tls(error) => Self::Tls(error),
        }
    }
}
