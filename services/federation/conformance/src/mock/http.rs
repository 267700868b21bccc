//! The mock over HTTP: also an answer that breaks off, and none at all.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use strum::VariantArray as _;
use tokio::net::TcpListener;

use super::Mock;
use super::accepting::{Message, Refused};
use super::faults::{Active, FaultKind};
use crate::client::MAX_ANSWER;
use crate::exchange::{Exchange, MESSAGE_KEY_PATH};

/// Bytes of a request.
const MAX_REQUEST: usize = 1024 * 1024;
/// Bytes of a request on which it hangs up, if it is told to.
const LONG_REQUEST: usize = 64 * 1024;
const BEFORE_THE_CUT: Duration = Duration::from_millis(20);

/// The mock closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("the mock is told to close the connection")]
struct Closed;

type Body = UnsyncBoxBody<Bytes, Closed>;

/// Serves until the process ends.
pub async fn serve(mock: Mock, listener: TcpListener) -> std::io::Result<()> {
    let mock = Arc::new(mock);
    loop {
        let (socket, _) = listener.accept().await?;
        let mock = Arc::clone(&mock);
        let service = hyper::service::service_fn(move |request| {
            let mock = Arc::clone(&mock);
            async move { mock.respond(request).await }
        });
        tokio::spawn(async move {
            // How a connection ends is the business of whoever opened it.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

impl Mock {
    async fn respond(&self, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
        let path = request.uri().path().to_owned();
        let exchange = Exchange::VARIANTS.iter().copied().find(|one| one.path() == path);
        let faults = self.setup.faults.next(exchange);
        let (slow, is_away) = (faults.number(FaultKind::Slow), faults.has(FaultKind::Away));
        let hangs_up = faults.has(FaultKind::HangsUp);
        if let Ok(milliseconds) = u64::try_from(slow) {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        // Read to its end, so that a refusal is not lost with what is still being sent.
        let body = Limited::new(request.into_body(), MAX_REQUEST).collect().await;
        let body = body.map_err(|_| Closed)?.to_bytes();
        if is_away || hangs_up && body.len() >= LONG_REQUEST {
            return Err(Closed);
        }
        if let Some(broken) = broken(&faults) {
            return Ok(broken);
        }
        let (kind, cut) = (
            faults.has(FaultKind::WrongContentType),
            faults.has(FaultKind::Cut),
        );
        let (status, json) = match exchange {
            None if path == MESSAGE_KEY_PATH => self.published(&faults),
            None => problem(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", ""),
            Some(exchange) => self.exchange(exchange, faults, &body),
        };
        let kind = if kind { "text/html" } else { "application/json" };
        let json = json.to_string();
        Ok(if cut {
            cut_off(json)
        } else {
            whole(status, kind, json)
        })
    }

    fn exchange(&self, exchange: Exchange, faults: Active, body: &[u8]) -> (StatusCode, Value) {
        let is_served = self.setup.declaration.serves(exchange) || faults.has(FaultKind::ServesUndeclared);
        if !is_served {
            return problem(StatusCode::NOT_FOUND, "NO_SUCH_ROUTE", "");
        }
        let call = self.call(exchange, faults);
        let answered = match Message::read(body) {
            Some(message) => self.answer(&call, &message),
            None => Err(Refused::Nonsense),
        };
        match answered {
            Ok(Message { header, body }) => {
                let [header, body] = [header, body].map(|bytes| STANDARD.encode(bytes));
                (
                    StatusCode::OK,
                    json!({"answer": {"header": header, "body": body}}),
                )
            }
            Err(_) if call.has(FaultKind::FailsToRefuse) => failed(),
            Err(Refused::Nonsense) if call.has(FaultKind::FailsOnNonsense) => failed(),
            Err(_) if call.has(FaultKind::StatesNoReason) => (StatusCode::UNAUTHORIZED, json!({})),
            Err(Refused::Nonsense) => problem(StatusCode::BAD_REQUEST, "INVALID_FIELDS", ""),
            Err(Refused::Message(outcome)) => problem(StatusCode::UNAUTHORIZED, "MESSAGE_REFUSED", outcome),
        }
    }

    fn published(&self, faults: &Active) -> (StatusCode, Value) {
        let (messages, batches) = &self.setup.declaration.published;
        let other = self.stranger().and_then(|key| key.verifying_key().to_pem().ok());
        let messages = match other {
            Some(other) if faults.has(FaultKind::OtherPublishedKey) => other,
            _ => messages.clone(),
        };
        (
            StatusCode::OK,
            json!({"public_key": messages, "batch_public_key": batches}),
        )
    }
}

fn problem(status: StatusCode, reason: &str, outcome: &str) -> (StatusCode, Value) {
    let metadata = if outcome.is_empty() {
        json!({})
    } else {
        json!({"outcome": outcome})
    };
    (
        status,
        json!({"status": status.as_u16(), "reason": reason, "metadata": metadata}),
    )
}

fn failed() -> (StatusCode, Value) {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "")
}

/// An answer that says nothing, if the mock is told to give one.
fn broken(faults: &Active) -> Option<Response<Body>> {
    let has = |kind| faults.has(kind);
    let page = "<html><script>alert('正在维护')</script></html>".to_owned();
    Some(if has(FaultKind::Garbage) {
        whole(StatusCode::OK, "text/html", page)
    } else if has(FaultKind::Oversized) {
        whole(StatusCode::OK, "application/json", " ".repeat(MAX_ANSWER * 2))
    } else if has(FaultKind::Fails) {
        whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "application/json",
            failed().1.to_string(),
        )
    } else if has(FaultKind::Throttles) {
        whole(
            StatusCode::TOO_MANY_REQUESTS,
            "application/json",
            json!({"reason": "QUOTA_EXHAUSTED"}).to_string(),
        )
    } else if has(FaultKind::Redirects) {
        let mut elsewhere = whole(StatusCode::FOUND, "text/html", String::new());
        elsewhere.headers_mut().insert(
            header::LOCATION,
            http::HeaderValue::from_static("http://127.0.0.1:9/"),
        );
        elsewhere
    } else {
        return None;
    })
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn whole(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    response(status, kind, UnsyncBoxBody::new(body))
}

/// Half of an answer. The pause lets it go out before the connection is closed.
fn cut_off(json: String) -> Response<Body> {
    let whole = Bytes::from(json);
    let half = Frame::data(whole.slice(..whole.len() / 2));
    let end = stream::once(async {
        tokio::time::sleep(BEFORE_THE_CUT).await;
        Err(Closed)
    });
    let frames = StreamBody::new(stream::once(async { Ok(half) }).chain(end));
    response(StatusCode::OK, "application/json", UnsyncBoxBody::new(frames))
}
