//! One replica of a service: its connection, how busy it is with our calls, and whether it still answers.

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

/// An empty `HealthCheckRequest`: how the process as a whole is.
const ASK: &[u8] = b"\0\0\0\0\0";

pub struct Replica {
    pub address: SocketAddr,
    endpoint: Endpoint,
    channel: ArcSwap<Channel>,
    under_way: AtomicUsize,
    /// When it last answered anything, in milliseconds since `born`.
    heard_ms: AtomicU64,
    born: Instant,
    in_use: watch::Sender<bool>,
    /// Whether somebody is asking it right now if it lives.
    in_question: AtomicBool,
}

/// A call under way at a replica.
pub struct Load<'a>(&'a Replica);

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Replica {
    /// Connects with its first call.
    pub fn new(address: SocketAddr, endpoint: Endpoint) -> Self {
        Self {
            address,
            channel: ArcSwap::from_pointee(endpoint.connect_lazy()),
            endpoint,
            under_way: AtomicUsize::new(0),
            heard_ms: AtomicU64::new(0),
            born: Instant::now(),
            in_use: watch::Sender::new(true),
            in_question: AtomicBool::new(false),
        }
    }

    pub fn channel(&self) -> Channel {
        Channel::clone(&self.channel.load())
    }

    pub fn load(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    pub fn enter(&self) -> Load<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Load(self)
    }

    /// It has answered something.
    pub fn hear(&self) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    pub fn was_heard_within(&self, time: Duration) -> bool {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(heard) <= time
    }

    /// Whether calls go to it while there is another.
    pub fn is_in_use(&self) -> bool {
        *self.in_use.borrow()
    }

    /// Changes when it is taken out of use or back into it.
    pub fn usage(&self) -> watch::Receiver<bool> {
        self.in_use.subscribe()
    }

    /// Takes it out of use; `false` when it was already.
    pub fn eject(&self) -> bool {
        self.in_use
            .send_if_modified(|in_use| std::mem::replace(in_use, false))
    }

    /// Begins to ask whether it lives; `None` while somebody else does.
    pub fn question(self: &Arc<Self>) -> Option<Question> {
        let begun = !self.in_question.swap(true, Ordering::AcqRel);
        begun.then(|| Question(Arc::clone(self)))
    }

    /// Asks over the connection that its calls have whether it is silent. Where this process itself is so busy that it
    /// looks at the clock much too late, nobody is: the answer may lie here unread.
    pub async fn is_silent(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        if is_alive(self.channel(), patience).await {
            self.hear();
            return false;
        }
        begun.elapsed() < patience + patience / 4 && !self.was_heard_within(patience)
    }

    /// Asks over a connection of its own and, if that is answered, gives it to the calls: the old one may be a wire that
    /// ends nowhere.
    pub async fn answers_anew(&self, patience: Duration) -> bool {
        let channel = self.endpoint.connect_lazy();
        if !is_alive(channel.clone(), patience).await {
            return false;
        }
        self.channel.store(Arc::new(channel));
        self.hear();
        self.in_use.send_replace(true);
        true
    }
}

/// While it lives nobody else asks the same replica.
pub struct Question(pub Arc<Replica>);

impl Drop for Question {
    fn drop(&mut self) {
        self.0.in_question.store(false, Ordering::Release);
    }
}

/// Any answer is a sign of life, also one that says that there is no such service.
async fn is_alive(channel: Channel, patience: Duration) -> bool {
    let mut request = Request::new(Body::new(Full::new(Bytes::from_static(ASK))));
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
