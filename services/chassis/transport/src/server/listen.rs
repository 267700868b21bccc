//! Accepts connections, with the limits that a network server needs: number of connections and streams, handshake time,
//! header size, connection age, and a drain with a hard deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use lutong_proto::policy::Caller;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

use super::concurrency::ConcurrencyLimit;
use super::handshake;
use super::preface::PrefaceDetector;
use crate::peer::{PeerAddress, PeerCaller};
use lutong_operating::tls::{self, PeerAccount, PeerPartner};

/// Limits of one listener. Durations in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// Concurrent connections; more wait in the kernel's backlog.
    pub max_connections: usize,
    /// Concurrent connections from one address (IPv4, or an IPv6 /64) to a public listener; more are closed
    /// immediately. Peers of the mesh are not counted. Zero means no limit, for a listener behind a proxy that hides
    /// its clients' addresses.
    pub max_connections_per_address: usize,
    /// From accepting a connection to the end of its TLS handshake, and from there to the start of its first HTTP
    /// request.
    pub handshake_timeout_ms: u64,
    /// Concurrent streams on one HTTP/2 connection.
    pub max_streams: u32,
    /// Bytes of all headers of a request.
    pub max_header_bytes: u32,
    /// Idle time before an HTTP/2 ping, and how long to wait for its answer.
    pub keepalive_interval_ms: u64,
    pub keepalive_timeout_ms: u64,
    /// An older connection gets GOAWAY, so that load spreads over new replicas.
    pub max_connection_age_ms: u64,
    /// Pause between reporting not ready and closing the listener, for load balancers to notice.
    pub drain_wait_ms: u64,
    /// How long calls in flight may take to finish before connections are closed.
    pub drain_limit_ms: u64,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            max_connections: 4_096,
            max_connections_per_address: 512,
            handshake_timeout_ms: 5_000,
            max_streams: 256,
            max_header_bytes: 16 * 1_024,
            keepalive_interval_ms: 20_000,
            keepalive_timeout_ms: 10_000,
            max_connection_age_ms: 3_600_000,
            drain_wait_ms: 0,
            drain_limit_ms: 10_000,
        }
    }
}

/// Whether peers must show a certificate.
#[derive(Clone)]
pub enum TransportSecurity {
    /// No TLS. The peer is assumed to be `Caller`, or anonymous.
    Plain(Option<Caller>),
    /// mTLS: the peer is the mesh caller that its certificate names.
    Mutual(Arc<rustls::ServerConfig>),
    /// mTLS with a separate CA: the peer is the account that its certificate names (`tls::account`).
    Accounts(Arc<rustls::ServerConfig>),
    /// mTLS with a separate CA: the peer is the partner that has the hosts of its certificate (`tls::partner`).
    Partners(Arc<rustls::ServerConfig>),
}

/// A bound socket, ready to serve.
pub struct Listener {
    socket: TcpListener,
    config: ListenConfig,
    security: TransportSecurity,
}

impl Listener {
    /// Binds the socket, before anything is built, so that an address in use is detected early.
    pub async fn bind(
        address: SocketAddr,
        config: ListenConfig,
        security: TransportSecurity,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(|error| {
            std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })?;
        Ok(Self {
            socket,
            config,
            security,
        })
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then drains: accepts no new connections, lets calls in flight finish, and closes the rest
    /// at the limit.
    pub async fn serve<S, B>(self, service: S, stop: CancellationToken)
    where
        S: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Self {
            socket,
            config,
            security,
        } = self;
        let slots = Arc::new(Semaphore::new(config.max_connections));
        let of_address = ConcurrencyLimit::new(match security {
            TransportSecurity::Plain(None)
            | TransportSecurity::Accounts(_)
            | TransportSecurity::Partners(_) => config.max_connections_per_address,
            TransportSecurity::Plain(Some(_)) | TransportSecurity::Mutual(_) => 0,
        });
        let config = Arc::new(config);
        let mut connections = JoinSet::new();
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                () = stop.cancelled() => break,
            };
            // The semaphore is never closed.
            let Ok(slot) = slot else { break };
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let (stream, peer) = match accepted {
                Ok((stream, address)) => (stream, PeerAddress(address)),
                Err(error) => {
                    // Out of file descriptors, or the peer has gone: not fatal.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            let Some(place) = of_address.enter(peer.network()) else {
                tracing::debug!("an address has all the connections it may have");
                continue;
            };
            let (service, stop) = (service.clone(), stop.clone());
            let (config, security) = (Arc::clone(&config), security.clone());
            connections.spawn(async move {
                let _held = (slot, place);
                let service = service.map_request(move |mut request: Request<Body>| {
                    request.extensions_mut().insert(peer);
                    request
                });
                connection(stream, &config, security, service, stop).await;
            });
            while connections.try_join_next().is_some() {}
        }
        drop(socket);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_millis(config.drain_limit_ms), drained)
            .await
            .is_err()
        {
            tracing::warn!(
                open = connections.len(),
                "connections were cut at the drain limit"
            );
            connections.shutdown().await;
        }
    }
}

async fn connection<S, B>(
    stream: TcpStream,
    config: &ListenConfig,
    security: TransportSecurity,
    service: S,
    stop: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // With Nagle's algorithm small answers would wait for the peer's delayed acknowledgement (40 ms).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay could not be set");
    }
    let (tls, peer_of): (_, fn(&rustls::ServerConnection) -> Option<Peer>) = match security {
        TransportSecurity::Plain(caller) => {
            let peer = caller.map_or(Peer::Nobody, Peer::Caller);
            return http(stream, config, peer, service, stop).await;
        }
        TransportSecurity::Mutual(tls) => (tls, |connection| {
            let caller = tls::caller_of_connection(connection);
            Some(caller.map_or(Peer::Nobody, Peer::Caller))
        }),
        TransportSecurity::Accounts(tls) => (tls, |connection| {
            tls::account::account_of_connection(connection).map(Peer::Account)
        }),
        TransportSecurity::Partners(tls) => (tls, |connection| {
            tls::partner::partner_of_connection(connection).map(Peer::Partner)
        }),
    };
    let limit = Duration::from_millis(config.handshake_timeout_ms);
    match tokio::time::timeout(limit, handshake::accept(stream, tls)).await {
        Ok(Some(stream)) => {
            // The handshake refuses certificates that name nobody. Whoever got past it without a name is not served as anybody.
            if let Some(peer) = peer_of(stream.get_ref().1) {
                http(stream, config, peer, service, stop).await;
            }
        }
        Ok(None) => {}
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// The peer's identity according to the transport.
#[derive(Clone)]
enum Peer {
    Nobody,
    Caller(Caller),
    Account(PeerAccount),
    Partner(PeerPartner),
}

impl Peer {
    fn insert_into(&self, request: &mut Request<Body>) {
        match self {
            Self::Nobody => {}
            Self::Caller(caller) => {
                request.extensions_mut().insert(PeerCaller(*caller));
            }
            Self::Account(account) => {
                request.extensions_mut().insert(account.clone());
            }
            Self::Partner(partner) => {
                request.extensions_mut().insert(partner.clone());
            }
        }
    }
}

async fn http<I, S, B>(io: I, config: &ListenConfig, peer: Peer, service: S, stop: CancellationToken)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<B>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let service = service.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        peer.insert_into(&mut request);
        request
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams)
        .max_header_list_size(config.max_header_bytes)
        .keep_alive_interval(Duration::from_millis(config.keepalive_interval_ms))
        .keep_alive_timeout(Duration::from_millis(config.keepalive_timeout_ms));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.handshake_timeout_ms))
        .max_buf_size(
            usize::try_from(config.max_header_bytes)
                .unwrap_or(16_384)
                .max(8_192),
        );
    let (io, preface) = PrefaceDetector::new(io);
    let serving = builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let age = tokio::time::sleep(Duration::from_millis(config.max_connection_age_ms));
    tokio::pin!(age);
    // A peer that sends nothing loses its connection slot.
    let too_late = preface.too_late(Duration::from_millis(config.handshake_timeout_ms));
    tokio::select! {
        result = serving.as_mut() => {
            if let Err(error) = result {
                tracing::debug!(%error, "a connection ended badly");
            }
            return;
        }
        () = too_late => {
            tracing::debug!("a peer did not say what it wants in time");
            return;
        }
        () = stop.cancelled() => {}
        () = age.as_mut() => {}
    }
    serving.as_mut().graceful_shutdown();
    let limit = Duration::from_millis(config.drain_limit_ms);
    if tokio::time::timeout(limit, serving.as_mut()).await.is_err() {
        tracing::debug!("a connection was cut: its calls did not finish in time");
    }
}
