//! An answer that is a stream ends with the deadline of its call. The transport ends the wait for the head of an answer only: a
//! watcher would otherwise be told on for as long as there is something to tell.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

use crate::status;

/// The same messages, until the deadline: then DEADLINE_EXCEEDED.
pub fn with_deadline(body: Body, deadline: Instant) -> Body {
    Body::new(Ending {
        body,
        deadline: Box::pin(tokio::time::sleep_until(deadline)),
        has_ended: false,
    })
}

struct Ending {
    body: Body,
    deadline: Pin<Box<Sleep>>,
    has_ended: bool,
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            self.has_ended = true;
            let mut trailers = HeaderMap::new();
            let late = status::from_fault(status::deadline_exceeded());
            let told = late.add_header(&mut trailers).map(|()| Frame::trailers(trailers));
            return Poll::Ready(Some(told));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
