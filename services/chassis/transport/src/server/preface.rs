//! Detects whether a peer has sent the beginning of an HTTP connection. hyper runs no timer while it waits for the
//! first bytes, which decide between HTTP/1 and HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that notes when the HTTP/2 preface is complete or ruled out.
pub struct PrefaceDetector<I> {
    io: I,
    matched: usize,
    seen: Arc<AtomicBool>,
}

/// Whether the preface was complete or ruled out.
pub struct PrefaceSeen(Arc<AtomicBool>);

impl<I> PrefaceDetector<I> {
    pub fn new(io: I) -> (Self, PrefaceSeen) {
        let seen = Arc::new(AtomicBool::new(false));
        let preface = PrefaceSeen(Arc::clone(&seen));
        (Self { io, matched: 0, seen }, preface)
    }

    fn note(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.matched..];
        let same = expected.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.matched += same;
        if self.matched == PREFACE.len() || same < bytes.len() {
            self.seen.store(true, Ordering::Relaxed);
        }
    }
}

impl PrefaceSeen {
    /// Resolves after `limit` if the peer has not sent enough by then; otherwise never.
    pub async fn too_late(self, limit: Duration) {
        tokio::time::sleep(limit).await;
        if self.0.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for PrefaceDetector<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if !self.seen.load(Ordering::Relaxed) {
            self.note(&buffer.filled()[before..]);
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for PrefaceDetector<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}
