//! Several replicas of one service: killed, silent, restarted, new and removed replicas cost no call that another one
//! could answer.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use lutong_operating::tls;
use lutong_proto::policy::Caller;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::client::{Addresses, MeshChannel, Replicas, Resolve, SystemResolver, Timing};
use lutong_transport::server::{ListenConfig, Listener, TransportSecurity};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::network::{Handler, SERVER, WAITS, ask, files, router};

const LONG: Duration = Duration::from_secs(20);
const LOCAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The certificates of one mesh.
struct Mesh(tempfile::TempDir);

/// One replica.
struct Server {
    address: SocketAddr,
    handler: Handler,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    _bed: Bed,
}

impl Mesh {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        tls::write_development_certificates(folder.path()).unwrap();
        Self(folder)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    async fn server(&self, address: SocketAddr) -> Server {
        let own = files(self.folder(), self.folder(), SERVER.as_str());
        let security = TransportSecurity::Mutual(tls::server_config(&own).unwrap());
        let listener = Listener::bind(address, ListenConfig::default(), security)
            .await
            .unwrap();
        let (bed, handler, stop) = (
            Bed::new(Engine::Sqlite),
            Handler::default(),
            CancellationToken::new(),
        );
        Server {
            address: listener.address().unwrap(),
            serving: tokio::spawn(listener.serve(router(&bed, &handler), stop.clone())),
            handler,
            stop,
            _bed: bed,
        }
    }

    fn channel(&self, addresses: &str, timing: Timing, resolver: Arc<dyn Resolve>) -> MeshChannel {
        MeshChannel::remote(
            SERVER,
            Caller::RiskRules,
            self.replicas(addresses, timing, resolver),
        )
    }

    fn replicas(&self, addresses: &str, timing: Timing, resolver: Arc<dyn Resolve>) -> Replicas {
        let own = files(self.folder(), self.folder(), "risk-rules");
        let config = tls::client_config(SERVER, &own).unwrap();
        let addresses = Addresses::parse(addresses, resolver).unwrap();
        let replicas = Replicas::new(SERVER, addresses, timing, move |uri| tls::endpoint(uri, &config));
        replicas.unwrap()
    }

    fn to(&self, addresses: &[SocketAddr]) -> MeshChannel {
        let uris: Vec<String> = addresses
            .iter()
            .map(|address| format!("https://{address}"))
            .collect();
        self.channel(&uris.join(","), Timing::default(), Arc::new(SystemResolver))
    }
}

impl Server {
    fn calls(&self) -> usize {
        self.handler.calls.load(Ordering::SeqCst)
    }

    /// Ends like a killed process: connections end and nothing listens.
    async fn kill(self) -> SocketAddr {
        self.serving.abort();
        let _ = self.serving.await;
        self.address
    }
}

/// A proxy to a server that a test may stall: it keeps and accepts connections but forwards nothing.
struct Wire {
    address: SocketAddr,
    stalled: watch::Sender<bool>,
}

impl Wire {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(LOCAL).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stalled, seen) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else {
                        return;
                    };
                    let ((near_read, near_write), (far_read, far_write)) =
                        (near.into_split(), far.into_split());
                    tokio::join!(
                        carry(near_read, far_write, seen.clone()),
                        carry(far_read, near_write, seen)
                    );
                });
            }
        });
        Self { address, stalled }
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
) {
    use tokio::io::AsyncReadExt as _;
    let mut piece = vec![0; 16_384];
    while let Ok(length) = from.read(&mut piece).await {
        let gone = stalled.wait_for(|stalled| !stalled).await.is_err();
        if length == 0 || gone || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// Calls continuously for `time`, a few concurrently; returns the number of answers and the slowest duration.
async fn call_for(channel: &MeshChannel, time: Duration, deadline: Duration) -> (usize, Duration) {
    let until = Instant::now() + time;
    let callers = (0..4).map(|_| async {
        let (mut answered, mut slowest) = (0, Duration::ZERO);
        while Instant::now() < until {
            let begun = Instant::now();
            ask(channel.clone(), "", deadline).await.unwrap();
            slowest = slowest.max(begun.elapsed());
            answered += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        (answered, slowest)
    });
    let all = futures::future::join_all(callers).await;
    all.into_iter().fold((0, Duration::ZERO), |(n, slow), (m, took)| {
        (n + m, slow.max(took))
    })
}

/// Calls until the server has received more calls than now.
async fn until_called(channel: &MeshChannel, server: &Server) {
    let (before, until) = (server.calls(), Instant::now() + LONG);
    while server.calls() == before {
        assert!(Instant::now() < until, "{} gets no calls", server.address);
        ask(channel.clone(), "", LONG).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_spread_evenly_one_by_one_and_at_once() {
    let mesh = Mesh::new();
    let servers = [
        mesh.server(LOCAL).await,
        mesh.server(LOCAL).await,
        mesh.server(LOCAL).await,
    ];
    let channel = mesh.to(&[servers[0].address, servers[1].address, servers[2].address]);
    for _ in 0..150 {
        ask(channel.clone(), "", LONG).await.unwrap();
    }
    let counts: Vec<usize> = servers.iter().map(Server::calls).collect();
    assert!(counts.iter().all(|count| (45..=55).contains(count)), "{counts:?}");
    let calls = (0..90).map(|_| ask(channel.clone(), "", LONG));
    assert!(futures::future::join_all(calls).await.iter().all(Result::is_ok));
    let counts: Vec<usize> = servers.iter().map(Server::calls).collect();
    assert!(
        counts.iter().all(|count| (60..=110).contains(count)),
        "{counts:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_costs_no_call_and_is_used_again_when_it_is_back() {
    let mesh = Mesh::new();
    let (staying, killed) = (mesh.server(LOCAL).await, mesh.server(LOCAL).await);
    let channel = mesh.to(&[staying.address, killed.address]);
    ask(channel.clone(), "", LONG).await.unwrap();
    let calling = {
        let channel = channel.clone();
        tokio::spawn(async move { call_for(&channel, Duration::from_secs(2), LONG).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let address = killed.kill().await;
    let (answered, _) = calling.await.unwrap();
    assert!(answered > 100, "{answered}");
    let back = mesh.server(address).await;
    until_called(&channel, &back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_never_was_there_costs_no_call() {
    let mesh = Mesh::new();
    let server = mesh.server(LOCAL).await;
    let nobody = std::net::TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
    let channel = mesh.to(&[nobody, server.address]);
    let calls = (0..200).map(|_| ask(channel.clone(), "", LONG));
    let answers = futures::future::join_all(calls).await;
    // All at once, before the failure can be noticed: the retry budget covers that.
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert!(refused <= 130, "{refused}");
    let begun = Instant::now();
    for _ in 0..100 {
        ask(channel.clone(), "", LONG).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_falls_silent_is_left_out_before_a_second_has_passed_and_asked_until_it_answers() {
    let mesh = Mesh::new();
    let (one, two) = (mesh.server(LOCAL).await, mesh.server(LOCAL).await);
    let wire = Wire::to(two.address).await;
    let channel = mesh.to(&[one.address, wire.address]);
    until_called(&channel, &two).await;
    wire.stalled.send_replace(true);
    let deadline = Duration::from_millis(1_500);
    let (answered, slowest) = call_for(&channel, Duration::from_secs(2), deadline).await;
    assert!(answered > 100, "{answered}");
    assert!(slowest < Duration::from_millis(1_400), "{slowest:?}");
    // Ejected: no call waits for it any more.
    let (_, slowest) = call_for(&channel, Duration::from_millis(500), deadline).await;
    assert!(slowest < Duration::from_millis(290), "{slowest:?}");
    wire.stalled.send_replace(false);
    until_called(&channel, &two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_takes_long_at_a_replica_that_lives_is_not_sent_twice() {
    let mesh = Mesh::new();
    let (one, two) = (mesh.server(LOCAL).await, mesh.server(LOCAL).await);
    let channel = mesh.to(&[one.address, two.address]);
    let slow = tokio::spawn(ask(channel.clone(), WAITS, LONG));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(one.calls() + two.calls(), 1);
    one.handler.go_on.notify_one();
    two.handler.go_on.notify_one();
    slow.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_every_replica_costs_no_call() {
    let mesh = Mesh::new();
    let (one, two) = (mesh.server(LOCAL).await, mesh.server(LOCAL).await);
    let channel = mesh.to(&[one.address, two.address]);
    let calling = {
        let channel = channel.clone();
        tokio::spawn(async move { call_for(&channel, Duration::from_secs(3), LONG).await })
    };
    let mut rolled = Vec::new();
    for old in [one, two] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        old.stop.cancel();
        old.serving.await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        rolled.push(mesh.server(old.address).await);
        until_called(&channel, rolled.last().unwrap()).await;
    }
    let (answered, _) = calling.await.unwrap();
    assert!(answered > 200, "{answered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_replica_that_is_away_is_said_to_be_away_at_once() {
    let mesh = Mesh::new();
    let nobody = std::net::TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
    let channel = mesh.to(&[nobody]);
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(
            ask(channel.clone(), "", LONG).await.unwrap_err().code(),
            Code::Unavailable
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_to_a_peer_that_answers_nothing_fail_at_once_until_it_answers_again() {
    let mesh = Mesh::new();
    let server = mesh.server(LOCAL).await;
    let wire = Wire::to(server.address).await;
    let channel = mesh.to(&[wire.address]);
    ask(channel.clone(), "", LONG).await.unwrap();
    wire.stalled.send(true).unwrap();
    let deadline = Duration::from_millis(700);
    let calls = (0..200).map(|_| ask(channel.clone(), "", deadline));
    for answer in futures::future::join_all(calls).await {
        assert!(answer.is_err());
    }
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(
            ask(channel.clone(), "", LONG).await.unwrap_err().code(),
            Code::Unavailable
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    wire.stalled.send(false).unwrap();
    let back = Instant::now();
    while ask(channel.clone(), "", LONG).await.is_err() {
        assert!(
            back.elapsed() < Duration::from_secs(5),
            "the peer answers, and is not asked"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_replica_is_in_trouble_repetitions_stay_within_their_budget() {
    let tries = Arc::new(AtomicUsize::new(0));
    let mut addresses = Vec::new();
    for _ in 0..2 {
        // Accepts and closes each connection, so that no request is ever sent.
        let listener = TcpListener::bind(LOCAL).await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        let tries = Arc::clone(&tries);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                tries.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let uris: Vec<String> = addresses
        .iter()
        .map(|address| format!("https://{address}"))
        .collect();
    // Bypasses the circuit breaker, which would reject most of these calls.
    let replicas = Mesh::new().replicas(&uris.join(","), Timing::default(), Arc::new(SystemResolver));
    for _ in 0..500 {
        let request = http::Request::builder()
            .uri("/lutong.declaration.v1.EventLogService/ListEvents")
            .body(tonic::body::Body::empty());
        assert!(replicas.send(request.unwrap()).await.is_err());
    }
    // Each call once, plus the initial budget, a fifth of the calls, the floor of ten per second, and the probes.
    let tries = tries.load(Ordering::SeqCst);
    assert!((500..=780).contains(&tries), "{tries}");
}

/// A resolver whose answers the test sets.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>);

impl Names {
    fn set(&self, addresses: &[SocketAddr]) {
        let mut names = self.0.lock().unwrap();
        names.insert("declaration-mesh".to_owned(), addresses.to_vec());
    }
}

impl Resolve for Names {
    fn resolve(&self, host: String, _: u16) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let found = self.0.lock().unwrap().get(&host).cloned();
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_stands_for_all_its_addresses_as_they_come_and_go() {
    let mesh = Mesh::new();
    let servers = [mesh.server(LOCAL).await, mesh.server(LOCAL).await];
    let names = Names::default();
    let timing = Timing {
        look_up_every: Duration::from_millis(100),
        look_up_at_most_every: Duration::from_millis(20),
        ..Timing::default()
    };
    let resolver: Arc<dyn Resolve> = Arc::new(names.clone());
    let channel = mesh.channel("https://declaration-mesh:9000", timing, resolver);
    // No address yet: fails at once, without affecting later calls.
    let away = ask(channel.clone(), "", LONG).await.unwrap_err();
    assert_eq!(away.code(), Code::Unavailable);
    names.set(&[servers[0].address]);
    let until = Instant::now() + LONG;
    while ask(channel.clone(), "", LONG).await.is_err() {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    names.set(&[servers[0].address, servers[1].address]);
    until_called(&channel, &servers[1]).await;
    until_called(&channel, &servers[0]).await;
    // A failed lookup keeps the known addresses.
    names.0.lock().unwrap().clear();
    tokio::time::sleep(Duration::from_millis(300)).await;
    until_called(&channel, &servers[0]).await;
    // Moved to another address: the old replica is removed, and no call is lost.
    let moved = mesh.server(LOCAL).await;
    names.set(&[servers[1].address, moved.address]);
    until_called(&channel, &moved).await;
    let before = servers[0].calls();
    for _ in 0..20 {
        ask(channel.clone(), "", LONG).await.unwrap();
    }
    assert_eq!(servers[0].calls(), before);
}
