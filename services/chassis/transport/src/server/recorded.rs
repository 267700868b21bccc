//! Looking into the bodies of recorded calls as they pass: nothing is copied but references, and no more than is needed.

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

/// Of a request no more is kept: what it is about comes before what it carries.
const KEPT: usize = 64 * 1_024;
/// How long the body of a call that is refused anyway is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// The first bytes of a body that somebody else reads.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<(Vec<Bytes>, usize)>>);

impl Kept {
    fn push(&self, data: &Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = KEPT - kept.1;
        if left > 0 {
            let part = data.slice(..data.len().min(left));
            kept.1 += part.len();
            kept.0.push(part);
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.concat()
    }
}

struct Tap {
    inner: Body,
    kept: Kept,
}

/// The body, and what of it has been read so far.
pub fn tap(inner: Body) -> (Body, Kept) {
    let kept = Kept::default();
    let tap = Tap {
        inner,
        kept: kept.clone(),
    };
    (Body::new(tap), kept)
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
            self.kept.push(data);
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

/// The first bytes of the body of a call that nobody else will read.
pub async fn first_bytes(body: Body) -> Vec<u8> {
    let (mut body, kept) = tap(body);
    let reading = async {
        while let Some(Ok(_)) = body.frame().await {
            if kept.bytes().len() >= KEPT {
                return;
            }
        }
    };
    // A client that sends nothing is refused all the same.
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    kept.bytes()
}

/// A unary answer with its bytes: read whole, and given back as it was.
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

/// The reason of an answer that failed.
pub fn reason_of(response: &Response<Body>) -> String {
    let status = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
    let info = status.and_then(|status| status.get_details_error_info());
    info.map(|info| info.reason).unwrap_or_default()
}
