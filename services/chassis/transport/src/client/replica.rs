//! One replica of a service: its connection, its calls in flight, and whether it still answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Method, Request, Uri, Version};
use http_body_util::Full;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

/// The gRPC frame of an empty `HealthCheckRequest`, which asks for the health of the whole process.
const HEALTH_CHECK_FRAME: &[u8] = b"\0\0\0\0\0";

pub struct Replica {
    pub address: SocketAddr,
    endpoint: Endpoint,
    channel: ArcSwap<Channel>,
    in_flight: AtomicUsize,
    /// When it last answered, in milliseconds since `born`.
    last_answer_ms: AtomicU64,
    born: Instant,
    in_use: watch::Sender<bool>,
    /// Whether a probe is under way.
    is_probed: AtomicBool,
}

/// Counts a call in flight until dropped.
pub struct Load<'a>(&'a Replica);

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Replica {
    /// Connects on the first call.
    pub fn new(address: SocketAddr, endpoint: Endpoint) -> Self {
        Self {
            address,
            channel: ArcSwap::from_pointee(endpoint.connect_lazy()),
            endpoint,
            in_flight: AtomicUsize::new(0),
            last_answer_ms: AtomicU64::new(0),
            born: Instant::now(),
            in_use: watch::Sender::new(true),
            is_probed: AtomicBool::new(false),
        }
    }

    pub fn channel(&self) -> Channel {
        Channel::clone(&self.channel.load())
    }

    pub fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub fn begin_call(&self) -> Load<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Load(self)
    }

    /// Notes that the replica answered.
    pub fn note_answer(&self) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_answer_ms.store(now_ms, Ordering::Relaxed);
    }

    pub fn answered_within(&self, time: Duration) -> bool {
        let heard = Duration::from_millis(self.last_answer_ms.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(heard) <= time
    }

    /// Whether it is used; an ejected replica gets calls only if there is no other.
    pub fn is_in_use(&self) -> bool {
        *self.in_use.borrow()
    }

    /// Changes when the replica is ejected or used again.
    pub fn usage(&self) -> watch::Receiver<bool> {
        self.in_use.subscribe()
    }

    /// Ejects it; `false` if it was ejected already.
    pub fn eject(&self) -> bool {
        self.in_use
            .send_if_modified(|in_use| std::mem::replace(in_use, false))
    }

    /// Begins a probe; `None` while another one is under way.
    pub fn begin_probe(self: &Arc<Self>) -> Option<ProbeGuard> {
        let begun = !self.is_probed.swap(true, Ordering::AcqRel);
        begun.then(|| ProbeGuard(Arc::clone(self)))
    }

    /// Probes it over the connection of its calls; `true` if it does not answer. If this process is so busy that the
    /// timeout fires much too late, the replica is not blamed: its answer may be waiting unread.
    pub async fn is_silent(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        if is_alive(self.channel(), patience).await {
            self.note_answer();
            return false;
        }
        begun.elapsed() < patience + patience / 4 && !self.answered_within(patience)
    }

    /// Probes it over a new connection and, if it answers, uses that connection for calls: the old one may be dead.
    pub async fn answers_on_new_connection(&self, patience: Duration) -> bool {
        let channel = self.endpoint.connect_lazy();
        if !is_alive(channel.clone(), patience).await {
            return false;
        }
        self.channel.store(Arc::new(channel));
        self.note_answer();
        self.in_use.send_replace(true);
        true
    }
}

/// Prevents a second probe of the replica until dropped.
pub struct ProbeGuard(pub Arc<Replica>);

impl Drop for ProbeGuard {
    fn drop(&mut self) {
        self.0.is_probed.store(false, Ordering::Release);
    }
}

/// Any answer counts, even UNIMPLEMENTED.
async fn is_alive(channel: Channel, patience: Duration) -> bool {
    let mut request = Request::new(Body::new(Full::new(Bytes::from_static(HEALTH_CHECK_FRAME))));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static("/grpc.health.v1.Health/Check");
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    matches!(
        tokio::time::timeout(patience, channel.oneshot(request)).await,
        Ok(Ok(_))
    )
}
