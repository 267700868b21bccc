//! Proxies of signed messages from one province to another, which stand where a province's own outgoing gateway would: they are called over
//! plain HTTP and do the TLS, with the province's certificate, so that a test may repeat, reorder and change whole messages, which TLS lets
//! nobody on the way do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use lutong_https::HttpsClient;
use prost::bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How messages are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    Clear,
    /// Each message arrives twice; which answer is given alternates.
    Duplicating,
    /// Every second message is held until its sender has given it up and sent others.
    Reordering,
    /// One bit is changed: of the header of every second message, of the body of the other ones' answers.
    Corrupting,
}

/// Longer than a sender waits for an answer, and shorter than a message is good for.
const HELD: Duration = Duration::from_secs(4);

/// A proxy; dropping it leaves it as it is.
#[derive(Debug)]
pub struct MessageWire {
    /// Where the sender reaches it, on this machine.
    pub port: u16,
    state: watch::Sender<MessageState>,
    carried: Arc<AtomicU32>,
}

#[derive(Clone)]
struct Carrier {
    client: HttpsClient,
    /// `https://127.0.0.1:8444`
    base: Arc<str>,
    state: watch::Receiver<MessageState>,
    /// Messages since the state was set.
    carried: Arc<AtomicU32>,
}

impl MessageWire {
    /// Adds a proxy to the listener for partners at `base`, which is shown the certificate of `client`.
    pub async fn lay(client: HttpsClient, base: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, state) = watch::channel(MessageState::Clear);
        let carried = Arc::new(AtomicU32::new(0));
        let carrier = Carrier {
            client,
            base: base.into(),
            state,
            carried: Arc::clone(&carried),
        };
        let router = Router::new().fallback(carry).with_state(carrier);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            port,
            state: sender,
            carried,
        }
    }

    pub fn set(&self, state: MessageState) {
        self.state.send_replace(state);
        self.carried.store(0, Ordering::Relaxed);
    }

    /// Waits until the state was felt by so many messages.
    pub async fn has_carried(&self, messages: u32, within: Duration) {
        let started = Instant::now();
        while self.carried.load(Ordering::Relaxed) < messages {
            assert!(started.elapsed() < within, "nobody sends anything");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn carry(State(carrier): State<Carrier>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return refused();
    };
    // In a task: a message that its sender has given up arrives nevertheless.
    let carried = tokio::spawn(async move { carrier.carry(&head.uri, body.to_bytes()).await });
    carried.await.ok().flatten().unwrap_or_else(refused)
}

fn refused() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

impl Carrier {
    async fn carry(&self, to: &Uri, body: Bytes) -> Option<Response> {
        let (state, turn) = (*self.state.borrow(), self.carried.fetch_add(1, Ordering::Relaxed));
        match state {
            MessageState::Clear => self.send(to, body).await,
            MessageState::Duplicating => {
                let first = self.send(to, body.clone()).await;
                let second = self.send(to, body).await;
                if turn.is_multiple_of(2) { first } else { second }
            }
            MessageState::Reordering => {
                if turn.is_multiple_of(2) {
                    tokio::time::sleep(HELD).await;
                }
                self.send(to, body).await
            }
            MessageState::Corrupting if turn.is_multiple_of(2) => {
                self.send(to, changed(&body, "message", "header")).await
            }
            MessageState::Corrupting => {
                let (head, body) = self.send(to, body).await?.into_parts();
                let body = body.collect().await.ok()?.to_bytes();
                let body = changed(&body, "answer", "body");
                Some(Response::from_parts(head, Body::from(body)))
            }
        }
    }

    async fn send(&self, to: &Uri, body: Bytes) -> Option<Response> {
        let request = Request::post(format!("{}{}", self.base, to.path()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .ok()?;
        let answer = self.client.send(request).await.ok()?;
        let (mut head, body) = answer.into_parts();
        // Of this connection they are others.
        head.headers.remove(header::TRANSFER_ENCODING);
        head.headers.remove(header::CONTENT_LENGTH);
        Some(Response::from_parts(head, Body::from(body)))
    }
}

/// JSON that is read well, with one bit of a field of its message changed.
fn changed(json: &[u8], name: &str, field: &str) -> Bytes {
    let mut read: Value = serde_json::from_slice(json).unwrap_or_default();
    let Some(text) = read[name][field].as_str() else {
        return Bytes::copy_from_slice(json);
    };
    let mut bytes = STANDARD.decode(text).unwrap();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    read[name][field] = Value::from(STANDARD.encode(bytes));
    Bytes::from(read.to_string())
}
