//! Ends a streamed answer at the deadline of its call. The deadline around the handler covers only the head of the
//! answer, so a stream would otherwise outlive it.

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

/// Passes the messages of `body` on until the deadline, then ends with DEADLINE_EXCEEDED.
pub fn with_deadline(body: Body, deadline: Instant) -> Body {
    Body::new(DeadlineBody {
        body,
        deadline: Box::pin(tokio::time::sleep_until(deadline)),
        has_ended: false,
    })
}

struct DeadlineBody {
    body: Body,
    deadline: Pin<Box<Sleep>>,
    has_ended: bool,
}

impl http_body::Body for DeadlineBody {
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
