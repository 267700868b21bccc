//! Captures the bodies of recorded calls as they pass, by reference and bounded.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::Response;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, StreamBody};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Bytes captured of a request; its ids come before its payload.
const MAX_CAPTURED: usize = 64 * 1_024;
/// How long to wait for the body of a refused call.
const PATIENCE: Duration = Duration::from_millis(500);

/// The first bytes of a body that another reader consumes.
#[derive(Clone, Default)]
pub struct CapturedBytes(Arc<Mutex<(Vec<Bytes>, usize)>>);

impl CapturedBytes {
    fn push(&self, data: &Bytes) {
        let mut captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = MAX_CAPTURED - captured.1;
        if left > 0 {
            let part = data.slice(..data.len().min(left));
            captured.1 += part.len();
            captured.0.push(part);
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.concat()
    }
}

struct Tap {
    inner: Body,
    captured: CapturedBytes,
}

/// Wraps a body so that its first bytes are captured while it is read.
pub fn tap(inner: Body) -> (Body, CapturedBytes) {
    let captured = CapturedBytes::default();
    let tap = Tap {
        inner,
        captured: captured.clone(),
    };
    (Body::new(tap), captured)
}

impl http_body::Body for Tap {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.captured.push(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Reads the first bytes of a body that has no other reader.
pub async fn first_bytes(body: Body) -> Vec<u8> {
    let (mut body, captured) = tap(body);
    let reading = async {
        while let Some(Ok(_)) = body.frame().await {
            if captured.bytes().len() >= MAX_CAPTURED {
                return;
            }
        }
    };
    // A client that sends nothing must not delay the refusal further.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    captured.bytes()
}

/// Reads a unary answer and returns it unchanged, together with its bytes.
pub async fn whole(response: Response<Body>) -> (Response<Body>, Vec<u8>) {
    let (head, mut body) = response.into_parts();
    let (mut frames, mut bytes) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        if let Ok(frame) = &frame
            && let Some(data) = frame.data_ref()
        {
            bytes.extend_from_slice(data);
        }
        let failed = frame.is_err();
        frames.push(frame);
        if failed {
            break;
        }
    }
    let body = Body::new(StreamBody::new(futures::stream::iter(frames).fuse()));
    (Response::from_parts(head, body), bytes)
}

/// The reason of a failed answer; empty on success.
pub fn reason_of(response: &Response<Body>) -> String {
    let status = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
    let info = status.and_then(|status| status.get_details_error_info());
    info.map(|info| info.reason).unwrap_or_default()
}
