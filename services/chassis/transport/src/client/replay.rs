//! A request that can be retried: any request while nothing of its body has been read, because then nothing was sent;
//! and a repeatable request, whose body is buffered while it is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http::request::Parts;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// A request and what was read of its body.
pub struct Replay {
    parts: Parts,
    shared: Arc<Mutex<SharedBody>>,
}

struct SharedBody {
    body: Body,
    read: bool,
    /// The chunks read so far, if the body is buffered.
    buffered: Option<Vec<Bytes>>,
    /// The body itself failed, so a retry would fail too.
    broken: bool,
    /// The attempt that may read the body. An abandoned attempt may still be held by its connection and must not read
    /// on beside the next one.
    current: u64,
}

impl Replay {
    /// `buffers`: whether the body is buffered, so that it can be sent again after it was read.
    pub fn new(request: Request<Body>, buffers: bool) -> Self {
        let (parts, body) = request.into_parts();
        let shared = SharedBody {
            body,
            read: false,
            buffered: buffers.then(Vec::new),
            broken: false,
            current: 0,
        };
        Self {
            parts,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// The request from its beginning.
    pub fn request(&self) -> Request<Body> {
        // The lock is released before `Body::new`, which calls `is_end_stream`.
        let of = self.lock().current;
        let mut again = Request::new(Body::new(AttemptBody {
            shared: Arc::clone(&self.shared),
            next: 0,
            of,
        }));
        *again.method_mut() = self.parts.method.clone();
        *again.uri_mut() = self.parts.uri.clone();
        *again.version_mut() = self.parts.version;
        *again.headers_mut() = self.parts.headers.clone();
        *again.extensions_mut() = self.parts.extensions.clone();
        again
    }

    /// Whether nothing of the body was read, so that nothing was sent.
    pub fn is_unsent(&self) -> bool {
        !self.lock().read
    }

    /// Whether its body is buffered while it is sent.
    pub fn is_buffered(&self) -> bool {
        self.lock().buffered.is_some()
    }

    /// Takes the request back from the last attempt, so that it can be sent again unchanged. On `false` it cannot, and
    /// the last attempt continues.
    pub fn reclaim(&self) -> bool {
        let mut shared = self.lock();
        let whole = !shared.broken && (!shared.read || shared.buffered.is_some());
        if whole {
            shared.current += 1;
        }
        whole
    }

    fn lock(&self) -> MutexGuard<'_, SharedBody> {
        lock(&self.shared)
    }
}

fn lock(shared: &Mutex<SharedBody>) -> MutexGuard<'_, SharedBody> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body as read by one attempt.
struct AttemptBody {
    shared: Arc<Mutex<SharedBody>>,
    /// Index of the next buffered chunk to send.
    next: usize,
    /// The number of the attempt.
    of: u64,
}

impl http_body::Body for AttemptBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let next = self.next;
        let shared = Arc::clone(&self.shared);
        let mut shared = lock(&shared);
        if self.of != shared.current {
            return Poll::Ready(Some(Err(Status::cancelled("the call was taken back"))));
        }
        shared.read = true;
        if let Some(piece) = shared.buffered.as_ref().and_then(|buffered| buffered.get(next)) {
            self.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        let polled = Pin::new(&mut shared.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(data), Some(buffered)) = (frame.data_ref().cloned(), &mut shared.buffered) {
                    buffered.push(data);
                    self.next += 1;
                }
            }
            Poll::Ready(Some(Err(_))) => shared.broken = true,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let shared = lock(&self.shared);
        let all_sent = shared
            .buffered
            .as_ref()
            .is_none_or(|buffered| self.next >= buffered.len());
        all_sent && shared.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let shared = lock(&self.shared);
        match &shared.buffered {
            // Buffered chunks are still to be sent: the rest's hint alone would be too small.
            Some(buffered) if self.next < buffered.len() => SizeHint::new(),
            _ => shared.body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, StreamBody};

    fn request(pieces: &[&'static str]) -> Request<Body> {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, Status>(Frame::data(Bytes::from_static(piece.as_bytes()))))
            .collect();
        Request::new(Body::new(StreamBody::new(futures::stream::iter(frames))))
    }

    async fn sent(replay: &Replay) -> Vec<u8> {
        replay.request().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_kept_body_is_sent_again_whole_also_after_half_of_it_was_sent() {
        let replay = Replay::new(request(&["a", "b", "c"]), true);
        assert!(replay.is_unsent() && replay.reclaim());
        let mut half = replay.request();
        half.body_mut().frame().await.unwrap().unwrap();
        assert!(!replay.is_unsent() && replay.reclaim());
        assert!(
            half.body_mut().frame().await.unwrap().is_err(),
            "it was taken back"
        );
        for _ in 0..2 {
            assert_eq!(sent(&replay).await, b"abc");
            assert!(replay.reclaim());
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_kept_goes_out_once() {
        let replay = Replay::new(request(&["a"]), false);
        let given_up = replay.request();
        assert!(replay.reclaim());
        assert!(given_up.collect().await.is_err(), "two never read one body");
        assert_eq!(sent(&replay).await, b"a");
        assert!(!replay.reclaim());
    }

    #[tokio::test]
    async fn a_body_that_failed_is_not_sent_again() {
        let failing = futures::stream::iter([Err::<Frame<Bytes>, _>(Status::unknown("gone"))]);
        let replay = Replay::new(Request::new(Body::new(StreamBody::new(failing))), true);
        assert!(replay.request().collect().await.is_err());
        assert!(!replay.reclaim());
    }
}
