//! A call that never left: its connection was closed (it had grown old, or its server drains) between choosing it and
//! writing to it. Nothing of the message was read, so it is sent again, whatever the method.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Error};
use tower::ServiceExt as _;

/// Tries of a call that does not leave: a connection that closes may be chosen again before the channel has noticed.
const TRIES: usize = 4;

/// Sends a request, and again while nothing of it was sent.
pub async fn send(channel: Channel, request: Request<Body>) -> Result<http::Response<Body>, Error> {
    let (parts, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(Lending { body, read: false })));
    let mut tries = 1;
    loop {
        let mut again = Request::new(Body::new(lent.clone()));
        *again.method_mut() = parts.method.clone();
        *again.uri_mut() = parts.uri.clone();
        *again.version_mut() = parts.version;
        *again.headers_mut() = parts.headers.clone();
        *again.extensions_mut() = parts.extensions.clone();
        match channel.clone().oneshot(again).await {
            Err(error) if tries < TRIES && closed_before(&error) && !lent.was_read() => tries += 1,
            other => return other,
        }
        tokio::task::yield_now().await;
    }
}

fn closed_before(error: &Error) -> bool {
    super::causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled)
    })
}

/// A body that can be had back as long as nobody has read it.
#[derive(Clone)]
struct Lent(Arc<Mutex<Lending>>);

struct Lending {
    body: Body,
    read: bool,
}

impl Lent {
    fn was_read(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut lending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lending.read = true;
        Pin::new(&mut lending.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        let lending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lending.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let lending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lending.body.size_hint()
    }
}
