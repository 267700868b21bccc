//! A request that can be sent again: as long as nothing of its body was read nothing of it left, whatever the method;
//! and the body of a repeatable call is kept while it is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http::request::Parts;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// A request, and what was read of its body.
pub struct Replay {
    parts: Parts,
    lending: Arc<Mutex<Lending>>,
}

struct Lending {
    body: Body,
    read: bool,
    /// What was read, where it may be wanted again.
    kept: Option<Vec<Bytes>>,
    /// The body itself failed: sending it again would fail again.
    broken: bool,
    /// The try that may read it. A try that was given up may still be in the hands of its connection, and must not go on
    /// reading beside the next one.
    current: u64,
}

impl Replay {
    /// `keeps`: whether the body is kept, so that it can be sent again after it was read.
    pub fn new(request: Request<Body>, keeps: bool) -> Self {
        let (parts, body) = request.into_parts();
        let lending = Lending {
            body,
            read: false,
            kept: keeps.then(Vec::new),
            broken: false,
            current: 0,
        };
        Self {
            parts,
            lending: Arc::new(Mutex::new(lending)),
        }
    }

    /// The request from its beginning.
    pub fn request(&self) -> Request<Body> {
        // Not held while the body is made: that asks the body whether it is at its end.
        let of = self.lock().current;
        let mut again = Request::new(Body::new(Lent {
            lending: Arc::clone(&self.lending),
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

    /// Nothing of the body was read, so nothing of it left.
    pub fn is_unsent(&self) -> bool {
        !self.lock().read
    }

    /// Whether its body is kept while it is sent.
    pub fn is_kept(&self) -> bool {
        self.lock().kept.is_some()
    }

    /// Takes the request back from the last try, so that it can be sent once more without its receiver noticing a
    /// difference: `false` when it cannot, and then the last try goes on.
    pub fn take_back(&self) -> bool {
        let mut lending = self.lock();
        let whole = !lending.broken && (!lending.read || lending.kept.is_some());
        if whole {
            lending.current += 1;
        }
        whole
    }

    fn lock(&self) -> MutexGuard<'_, Lending> {
        lock(&self.lending)
    }
}

fn lock(lending: &Mutex<Lending>) -> MutexGuard<'_, Lending> {
    lending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body, lent for one try.
struct Lent {
    lending: Arc<Mutex<Lending>>,
    /// Of the pieces that were kept, the next one to send.
    next: usize,
    /// Which try it is.
    of: u64,
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let next = self.next;
        let shared = Arc::clone(&self.lending);
        let mut lending = lock(&shared);
        if self.of != lending.current {
            return Poll::Ready(Some(Err(Status::cancelled("the call was taken back"))));
        }
        lending.read = true;
        if let Some(piece) = lending.kept.as_ref().and_then(|kept| kept.get(next)) {
            self.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        let polled = Pin::new(&mut lending.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(data), Some(kept)) = (frame.data_ref().cloned(), &mut lending.kept) {
                    kept.push(data);
                    self.next += 1;
                }
            }
            Poll::Ready(Some(Err(_))) => lending.broken = true,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let lending = lock(&self.lending);
        let all_sent = lending.kept.as_ref().is_none_or(|kept| self.next >= kept.len());
        all_sent && lending.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let lending = lock(&self.lending);
        match &lending.kept {
            // What was kept is still to come: the rest alone would be too little.
            Some(kept) if self.next < kept.len() => SizeHint::new(),
            _ => lending.body.size_hint(),
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
        assert!(replay.is_unsent() && replay.take_back());
        let mut half = replay.request();
        half.body_mut().frame().await.unwrap().unwrap();
        assert!(!replay.is_unsent() && replay.take_back());
        assert!(
            half.body_mut().frame().await.unwrap().is_err(),
            "it was taken back"
        );
        for _ in 0..2 {
            assert_eq!(sent(&replay).await, b"abc");
            assert!(replay.take_back());
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_kept_goes_out_once() {
        let replay = Replay::new(request(&["a"]), false);
        let given_up = replay.request();
        assert!(replay.take_back());
        assert!(given_up.collect().await.is_err(), "two never read one body");
        assert_eq!(sent(&replay).await, b"a");
        assert!(!replay.take_back());
    }

    #[tokio::test]
    async fn a_body_that_failed_is_not_sent_again() {
        let failing = futures::stream::iter([Err::<Frame<Bytes>, _>(Status::unknown("gone"))]);
        let replay = Replay::new(Request::new(Body::new(StreamBody::new(failing))), true);
        assert!(replay.request().collect().await.is_err());
        assert!(!replay.take_back());
    }
}
