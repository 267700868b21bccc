//! Reads what a client sends: the message of a unary call, whole and before the call takes a concurrency slot, and the
//! messages of a client stream, which must keep arriving. A slow, silent or vanished client occupies no shared
//! resource.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use lutong_kernel::{Fault, FaultCode};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

use crate::status;

/// A gRPC frame begins with a compression flag (one byte) and a length (four bytes).
const FRAME_HEADER: usize = 5;

/// How long the message of a unary call may take to arrive.
pub const MESSAGE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client stream may be silent while its service waits for the next message.
pub const STREAM_PATIENCE: Duration = Duration::from_secs(15);

/// Reads the body of a unary call: one gRPC frame of at most `largest` bytes that arrives by `until`.
pub async fn read_message(body: Body, largest: usize, until: Instant) -> Result<Body, Fault> {
    let frame = read_frame(body, largest, until).await?;
    Ok(Body::new(Full::new(frame)))
}

/// The bytes of a unary message without the frame header, used for the request's fingerprint.
#[derive(Debug, Clone)]
pub struct MessageBytes(pub Bytes);

impl MessageBytes {
    pub(super) fn of_frame(frame: &Bytes) -> Self {
        Self(frame.slice(FRAME_HEADER.min(frame.len())..))
    }
}

pub(super) async fn read_frame(body: Body, largest: usize, until: Instant) -> Result<Bytes, Fault> {
    // A message that arrived with its headers needs no timer.
    let mut reading = std::pin::pin!(read_to_end(body, largest));
    let read = match futures::poll!(reading.as_mut()) {
        Poll::Ready(read) => read,
        Poll::Pending => tokio::time::timeout_at(until, reading)
            .await
            .unwrap_or_else(|_| Err(too_slow())),
    };
    let frame = read?;
    check_frame(&frame)?;
    Ok(frame)
}

async fn read_to_end(mut body: Body, largest: usize) -> Result<Bytes, Fault> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| hung_up())?.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length > largest.saturating_add(FRAME_HEADER) {
            return Err(too_large());
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.get_or_insert_with(|| BytesMut::from(&first[..]))
                .extend_from_slice(&data);
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// Accepts exactly one complete message.
fn check_frame(frame: &[u8]) -> Result<(), Fault> {
    let Some((header, message)) = frame.split_first_chunk::<FRAME_HEADER>() else {
        return Err(unreadable("消息不完整", "the message is not whole"));
    };
    let [flag, length @ ..] = header;
    if *flag > 1 {
        return Err(unreadable(
            "压缩标志有误",
            "its compression flag is neither 0 nor 1",
        ));
    }
    match usize::try_from(u32::from_be_bytes(*length)) {
        Ok(length) if length == message.len() => Ok(()),
        Ok(length) if length < message.len() => Err(unreadable(
            "只应有一条消息",
            "more than one message came where the call takes one",
        )),
        _ => Err(unreadable("消息不完整", "the message is not whole")),
    }
}

fn unreadable(zh: &str, en: &str) -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "MESSAGE_UNREADABLE",
        format!("请求无法解析：{zh}"),
        format!("the message cannot be read: {en}"),
    )
}

pub(super) fn too_large() -> Fault {
    Fault::new(
        FaultCode::InvalidArgument,
        "MESSAGE_TOO_LARGE",
        "请求内容过大",
        "the message is larger than this call takes",
    )
}

fn too_slow() -> Fault {
    Fault::new(
        FaultCode::DeadlineExceeded,
        "MESSAGE_TOO_SLOW",
        "请求内容未能按时收到，请重试",
        "the message did not arrive in time; try again",
    )
}

/// The client ended the call, or its connection broke. Only metrics and logs see this.
pub(super) fn hung_up() -> Fault {
    Fault::new(
        FaultCode::Cancelled,
        "CANCELLED",
        "客户端已中断请求",
        "the client ended the call before its message was whole",
    )
}

/// The error that a handler reads when a stream broke. Not CANCELLED, which tonic treats as the regular end of a
/// stream: half an import would pass for a complete one.
fn cut_off() -> Status {
    let mut fault = hung_up();
    fault.code = FaultCode::Aborted;
    status::from_fault(fault)
}

fn stream_silent() -> Fault {
    Fault::new(
        FaultCode::DeadlineExceeded,
        "STREAM_SILENT",
        "数据流长时间没有内容，已中断，请重新发送",
        "nothing came on the stream for too long, so it was ended; send it again",
    )
}

/// The body of a client stream. It fails with `STREAM_SILENT` if nothing arrives within `patience` while the reader
/// waits; time in which nobody reads does not count. If the client hangs up, the call ends with `CANCELLED`.
struct WatchedStream {
    body: Body,
    patience: Duration,
    /// Runs while the reader waits for the next bytes.
    timer: Pin<Box<Sleep>>,
    waiting: bool,
    silence: Arc<Silence>,
}

#[derive(Default)]
struct Silence {
    is_silent: AtomicBool,
    hung_up: AtomicBool,
    changed: Notify,
}

/// Observes a stream on behalf of whoever forwards it.
pub struct SilenceWatch(Arc<Silence>);

impl SilenceWatch {
    /// The answer to a call whose client hung up, whatever its handler returned.
    pub fn hung_up(&self) -> Option<Fault> {
        self.0.hung_up.load(Ordering::Acquire).then(hung_up)
    }

    /// Resolves when the stream falls silent, with the fault for its client; otherwise never.
    pub async fn fell_silent(&self) -> Fault {
        loop {
            let notified = self.0.changed.notified();
            if self.0.is_silent.load(Ordering::Acquire) {
                return stream_silent();
            }
            notified.await;
        }
    }
}

/// Wraps a client stream so that it fails when it falls silent.
pub fn watch_for_silence(body: Body, patience: Duration) -> (Body, SilenceWatch) {
    let silence = Arc::new(Silence::default());
    let watched = WatchedStream {
        body,
        patience,
        timer: Box::pin(tokio::time::sleep(patience)),
        waiting: false,
        silence: Arc::clone(&silence),
    };
    (Body::new(watched), SilenceWatch(silence))
}

impl http_body::Body for WatchedStream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // Empty frames do not count: a client may send them for ever.
        while let Poll::Ready(next) = Pin::new(&mut this.body).poll_frame(context) {
            match next {
                Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                // An error of the transport itself; one from an outer [`WatchedStream`] has details and is passed on.
                Some(Err(error)) if error.details().is_empty() => {
                    this.silence.hung_up.store(true, Ordering::Release);
                    return Poll::Ready(Some(Err(cut_off())));
                }
                other => {
                    this.waiting = false;
                    return Poll::Ready(other);
                }
            }
        }
        if !this.waiting {
            this.waiting = true;
            this.timer.as_mut().reset(Instant::now() + this.patience);
        }
        if this.timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.silence.is_silent.store(true, Ordering::Release);
        this.silence.changed.notify_one();
        Poll::Ready(Some(Err(status::from_fault(stream_silent()))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::StreamBody;
    use tonic::Code;

    const PATIENCE: Duration = Duration::from_millis(400);
    /// Well below [`PATIENCE`], even on a busy machine.
    const SHORT: Duration = Duration::from_millis(40);
    const LONG: Duration = Duration::from_millis(900);

    /// A body of chunks with a pause before each; the chunk `None` never arrives.
    fn body(pieces: Vec<(Duration, Option<&'static [u8]>)>) -> Body {
        let pieces = futures::stream::iter(pieces).then(|(pause, piece)| async move {
            tokio::time::sleep(pause).await;
            match piece {
                Some(piece) => Ok::<_, Status>(Frame::data(Bytes::from_static(piece))),
                None => std::future::pending().await,
            }
        });
        Body::new(StreamBody::new(pieces))
    }

    async fn read(pieces: Vec<(Duration, Option<&'static [u8]>)>) -> Result<Bytes, String> {
        let read = read_message(body(pieces), 8, Instant::now() + PATIENCE).await;
        match read {
            Ok(body) => Ok(body.collect().await.unwrap().to_bytes()),
            Err(fault) => Err(fault.reason.into_owned()),
        }
    }

    #[tokio::test]
    async fn a_message_is_taken_whole_or_not_at_all() {
        let now = Duration::ZERO;
        let whole = read(vec![(now, Some(b"\0\0\0\0\x03a")), (SHORT, Some(b"bc"))]).await;
        assert_eq!(whole.unwrap(), &b"\0\0\0\0\x03abc"[..]);
        for (pieces, reason) in [
            (vec![], "MESSAGE_UNREADABLE"),
            (vec![(now, Some(&b"\0\0\0"[..]))], "MESSAGE_UNREADABLE"),
            (vec![(now, Some(b"\0\0\0\0\x03a"))], "MESSAGE_UNREADABLE"),
            (vec![(now, Some(b"\0\0\0\0\x01ab"))], "MESSAGE_UNREADABLE"),
            (vec![(now, Some(b"\x07\0\0\0\x01a"))], "MESSAGE_UNREADABLE"),
            (vec![(now, Some(b"\0\0\0\0\x09abcdefghi"))], "MESSAGE_TOO_LARGE"),
            (
                vec![(now, Some(b"\0\0\0\0\x03a")), (LONG, Some(b"bc"))],
                "MESSAGE_TOO_SLOW",
            ),
            (vec![(now, None)], "MESSAGE_TOO_SLOW"),
        ] {
            assert_eq!(read(pieces.clone()).await.unwrap_err(), reason, "{pieces:?}");
        }
    }

    async fn watched(pieces: Vec<(Duration, Option<&'static [u8]>)>) -> (usize, Option<Code>) {
        let (body, _watch) = watch_for_silence(body(pieces), PATIENCE);
        let mut frames = body.into_data_stream();
        let mut came = 0;
        while let Some(frame) = frames.next().await {
            match frame {
                Ok(_) => came += 1,
                Err(error) => return (came, Some(error.code())),
            }
        }
        (came, None)
    }

    #[tokio::test]
    async fn a_stream_may_pause_but_not_fall_silent() {
        let lively = vec![(SHORT, Some(&b"a"[..])); 20];
        assert_eq!(watched(lively).await, (20, None));
        let silent = vec![(SHORT, Some(&b"a"[..])), (SHORT, None)];
        assert_eq!(watched(silent).await, (1, Some(Code::DeadlineExceeded)));
        let empty = vec![(SHORT, Some(&b""[..])); 20];
        assert_eq!(watched(empty).await, (0, Some(Code::DeadlineExceeded)));
    }

    #[tokio::test]
    async fn time_in_which_nobody_reads_is_not_the_clients_silence() {
        let (body, watch) = watch_for_silence(body(vec![(Duration::ZERO, Some(b"a")); 3]), PATIENCE);
        let mut frames = body.into_data_stream();
        for _ in 0..3 {
            tokio::time::sleep(LONG).await;
            assert!(frames.next().await.unwrap().is_ok());
        }
        assert!(tokio::time::timeout(LONG, watch.fell_silent()).await.is_err());
    }

    #[tokio::test]
    async fn who_passes_a_stream_on_hears_of_its_silence() {
        let (body, watch) = watch_for_silence(body(vec![(Duration::ZERO, None)]), PATIENCE);
        let reading = tokio::spawn(body.collect());
        let fault = tokio::time::timeout(LONG, watch.fell_silent()).await.unwrap();
        assert_eq!(fault.reason, "STREAM_SILENT");
        assert!(reading.await.unwrap().is_err());
    }
}
