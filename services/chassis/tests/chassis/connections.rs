//! Silent, slow and old connections: none keeps its slot, and none prevents shutdown.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lutong_proto::policy::Caller;
use lutong_storage::Engine;
use lutong_testing::Bed;
use lutong_transport::server::{ListenConfig, Listener, TransportSecurity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::network::{Handler, WAITS, ask, router, serve};

/// Longer than any test waits, so that only the limit under test can end a connection.
const NEVER_MS: u64 = 600_000;
const SHORT_MS: u64 = 200;
const LONG: Duration = Duration::from_secs(20);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A configuration without limits; tests set the ones they need.
fn unlimited() -> ListenConfig {
    ListenConfig {
        handshake_timeout_ms: NEVER_MS,
        keepalive_interval_ms: NEVER_MS,
        keepalive_timeout_ms: NEVER_MS,
        max_connection_age_ms: NEVER_MS,
        drain_limit_ms: NEVER_MS,
        ..ListenConfig::default()
    }
}

/// A listener without TLS, like the gateway's.
struct Plain {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    _bed: Bed,
}

async fn plain(config: ListenConfig) -> Plain {
    open_to(TransportSecurity::Plain(Some(Caller::RiskRules)), config).await
}

async fn open_to(security: TransportSecurity, config: ListenConfig) -> Plain {
    let bed = Bed::new(Engine::Sqlite);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(address, config, security).await.unwrap();
    let stop = CancellationToken::new();
    Plain {
        address: listener.address().unwrap(),
        serving: tokio::spawn(listener.serve(router(&bed, &Handler::default()), stop.clone())),
        stop,
        _bed: bed,
    }
}

/// A peer that sends only these bytes.
async fn saying(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Reads to the end of the connection.
async fn ended(stream: &mut TcpStream, what: &str) {
    let mut rest = Vec::new();
    // A reset ends the connection too.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut rest))
        .await
        .unwrap_or_else(|_| panic!("{what}: the connection is still open"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_says_too_little_is_cut_off_however_far_it_came() {
    let config = ListenConfig {
        handshake_timeout_ms: SHORT_MS,
        ..unlimited()
    };
    let plain = plain(config).await;
    let beginnings: [&[u8]; 7] = [
        b"",
        b"P",
        b"PRI * HT",
        &PREFACE[..PREFACE.len() - 1],
        b"G",
        b"POST ",
        b"GET / HTTP/1.1\r\nhost: lutong\r\nx",
    ];
    for bytes in beginnings {
        let mut stream = saying(plain.address, bytes).await;
        ended(&mut stream, &String::from_utf8_lossy(bytes)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_never_finishes_gives_its_place_back() {
    let served = serve(ListenConfig {
        max_connections: 1,
        handshake_timeout_ms: SHORT_MS,
        ..unlimited()
    })
    .await;
    // Sends nothing; the header of a TLS record; half a ClientHello.
    for bytes in [
        &b""[..],
        b"\x16\x03\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ] {
        let mut stream = saying(served.address, bytes).await;
        ended(&mut stream, &format!("{bytes:?}")).await;
    }
    ask(served.peer("risk-rules"), "", LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_no_longer_answers_pings_is_cut_off() {
    let plain = plain(ListenConfig {
        keepalive_interval_ms: SHORT_MS,
        keepalive_timeout_ms: SHORT_MS,
        ..unlimited()
    })
    .await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut stream = saying(plain.address, &[PREFACE, &settings].concat()).await;
    ended(&mut stream, "a silent HTTP/2 connection").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_has_grown_old_is_renewed_and_a_call_that_met_its_end_goes_through_again() {
    let served = serve(ListenConfig {
        max_connection_age_ms: 100,
        ..unlimited()
    })
    .await;
    let channel = served.peer("risk-rules");
    let until = Instant::now() + Duration::from_secs(1);
    let mut answered = 0;
    while Instant::now() < until {
        // A call in flight when the connection ends may fail with UNAVAILABLE; its retry uses a new connection.
        if let Err(status) = ask(channel.clone(), "", LONG).await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            ask(channel.clone(), "", LONG).await.unwrap();
        }
        answered += 1;
    }
    assert!(answered > 50, "{answered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_holds_draining_up_until_the_hard_limit_and_no_longer() {
    for said in [&b""[..], b"PRI", PREFACE, b"GET / HTTP/1.1\r\n"] {
        let plain = plain(ListenConfig {
            drain_limit_ms: SHORT_MS,
            ..unlimited()
        })
        .await;
        let _silent = saying(plain.address, said).await;
        plain.stop.cancel();
        tokio::time::timeout(LONG, plain.serving)
            .await
            .expect("it drains within its limit")
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_lets_calls_under_way_finish_and_takes_no_new_connection() {
    let served = serve(unlimited()).await;
    let call = tokio::spawn(ask(served.peer("risk-rules"), WAITS, LONG));
    while served.handler.calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    let new = async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, new)
        .await
        .expect("no new connection is taken");
    assert!(!served.serving.is_finished());
    served.handler.go_on.notify_one();
    assert_eq!(call.await.unwrap().unwrap(), Caller::RiskRules.as_str_name());
    tokio::time::timeout(LONG, served.serving)
        .await
        .expect("drained once the last call is answered")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_does_not_finish_is_cut_at_the_hard_limit_of_draining() {
    let served = serve(ListenConfig {
        drain_limit_ms: SHORT_MS,
        ..unlimited()
    })
    .await;
    let call = tokio::spawn(ask(served.peer("risk-rules"), WAITS, LONG));
    while served.handler.calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    let begun = Instant::now();
    tokio::time::timeout(LONG, served.serving)
        .await
        .expect("cut")
        .unwrap();
    // The call itself would have taken the server's ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_of_the_public_has_a_share_of_the_connections_and_gets_it_back() {
    let config = ListenConfig {
        max_connections_per_address: 3,
        ..unlimited()
    };
    let public = open_to(TransportSecurity::Plain(None), config.clone()).await;
    let preface = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(saying(public.address, &preface).await);
    }
    let mut refused = saying(public.address, b"").await;
    ended(&mut refused, "one connection too many").await;
    // Another loopback address has its own limit.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(public.address).await.unwrap();
    answers(&mut other).await;
    drop(held.pop());
    let until = Instant::now() + LONG;
    loop {
        let mut again = TcpStream::connect(public.address).await.unwrap();
        let mut settings = [0; 9];
        let _ = again.write_all(&preface).await;
        if again.read_exact(&mut settings).await.is_ok() {
            break;
        }
        assert!(
            Instant::now() < until,
            "a place that was given back is not given again"
        );
    }
    // Peers of the mesh are not limited, since a replica has a single address.
    let mesh = plain(config).await;
    let mut peers = Vec::new();
    for _ in 0..10 {
        peers.push(TcpStream::connect(mesh.address).await.unwrap());
    }
    for peer in &mut peers {
        answers(peer).await;
    }
}

/// Waits for the server's HTTP/2 settings.
async fn answers(stream: &mut TcpStream) {
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut settings = [0; 9];
    tokio::time::timeout(LONG, stream.read_exact(&mut settings))
        .await
        .expect("the server speaks")
        .unwrap();
}
