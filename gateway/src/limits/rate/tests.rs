use std::time::Duration;

use lutong_kernel::FaultCode;

use super::*;

fn limits(redis: Option<&str>) -> RateLimits {
    let config = GatewayConfig {
        rate_per_subject: 5,
        rate_per_address: 1,
        rate_per_partner: 2,
        rate_sign_in: 1,
        ..GatewayConfig::default()
    };
    RateLimits::new(&config, redis).unwrap()
}

async fn admitted(limits: &RateLimits, account: &str, calls: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..calls {
        admitted += usize::from(limits.account(account).await.is_ok());
    }
    admitted
}

#[tokio::test]
async fn an_account_has_twice_its_rate_at_once_and_is_then_told_how_long_to_wait() {
    let limits = limits(None);
    // One more may drip in while the loop runs.
    assert!((10..=11).contains(&admitted(&limits, "a", 20).await));
    let fault = limits.account("a").await.unwrap_err();
    assert_eq!(
        (fault.code, fault.reason.as_ref()),
        (FaultCode::ResourceExhausted, "TOO_MANY_CALLS")
    );
    let wait = fault.retry_after.unwrap();
    assert!(
        wait > Duration::ZERO && wait <= Duration::from_millis(200),
        "{wait:?}"
    );
    assert!(
        limits.account("b").await.is_ok(),
        "another account is not held up"
    );
}

#[tokio::test]
async fn without_a_session_an_address_is_counted_and_without_an_address_everybody() {
    let limits = limits(None);
    let first = PeerAddress("192.0.2.1:1000".parse().unwrap());
    let same = PeerAddress("192.0.2.1:2000".parse().unwrap());
    let other = PeerAddress("192.0.2.2:1000".parse().unwrap());
    assert!(limits.anonymous(Some(first)).await.is_ok());
    assert!(limits.anonymous(Some(same)).await.is_ok());
    assert!(limits.anonymous(Some(first)).await.is_err());
    assert!(limits.anonymous(Some(other)).await.is_ok());
    for call in 0..40 {
        assert!(limits.anonymous(None).await.is_ok(), "call {call}");
    }
    assert!(limits.anonymous(None).await.is_err());
}

#[tokio::test]
async fn a_partner_is_counted_by_its_certificate() {
    let limits = limits(None);
    let partner = |host: &str| PeerPartner {
        names: [host.to_owned()].into(),
        until: lutong_kernel::Timestamp::MAX,
    };
    for call in 0..4 {
        assert!(limits.partner(&partner("a.cn")).await.is_ok(), "call {call}");
    }
    assert!(limits.partner(&partner("a.cn")).await.is_err());
    assert!(
        limits.partner(&partner("b.cn")).await.is_ok(),
        "another one is not held up"
    );
}

#[tokio::test]
async fn signing_in_has_a_limit_of_its_own() {
    let limits = limits(None);
    let from = PeerAddress("192.0.2.1:1000".parse().unwrap());
    assert!(limits.sign_in(Some(from)).await.is_ok());
    assert!(limits.sign_in(Some(from)).await.is_ok());
    assert!(limits.sign_in(Some(from)).await.is_err());
    assert!(limits.anonymous(Some(from)).await.is_ok());
}

#[test]
fn an_ipv6_household_is_one_network_and_a_mapped_address_is_ipv4() {
    let network = |text: &str| {
        let address = std::net::SocketAddr::new(text.parse().unwrap(), 1);
        PeerAddress(address).network().to_string()
    };
    assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
}

#[tokio::test]
async fn when_redis_is_away_each_replica_counts_its_own_and_nobody_is_shut_out() {
    // Port 9 (discard) is not listened on here: a connection is refused.
    let limits = limits(Some("redis://127.0.0.1:9"));
    assert!((10..=11).contains(&admitted(&limits, "a", 20).await));
}

#[test]
fn an_address_of_redis_that_is_none_is_refused() {
    assert!(RateLimits::new(&GatewayConfig::default(), Some("not an address")).is_err());
}

/// A Redis of the test's own on a free port; ends with it.
struct Redis {
    server: std::process::Child,
    url: String,
}

impl Redis {
    /// None where the machine has no `redis-server`.
    fn start() -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let started = std::process::Command::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
            ])
            .arg(address.port().to_string())
            .stdout(std::process::Stdio::null())
            .spawn();
        let server = started.ok()?;
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Self {
            server,
            url: format!("redis://{address}"),
        })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test]
async fn over_redis_two_replicas_share_one_limit_and_losing_it_shuts_nobody_out() {
    let redis = Redis::start()
        .expect("redis-server is missing: install the Debian package redis-server, or run tests/run");
    let (first, second) = (limits(Some(&redis.url)), limits(Some(&redis.url)));
    let mut together = 0;
    for _ in 0..20 {
        together += admitted(&first, "a", 1).await;
        together += admitted(&second, "a", 1).await;
    }
    // Ten at once, one on each replica's own word, and what drips in; two that count alone would let 20 pass.
    assert!((10..=15).contains(&together), "{together}");
    let wait = first.subject.shared.as_ref().unwrap();
    let wait = wait.take("subject", "a", first.subject.rate).await.unwrap();
    assert!(
        wait > Duration::ZERO && wait <= Duration::from_millis(200),
        "{wait:?}"
    );
    drop(redis);
    assert!((8..=11).contains(&admitted(&second, "b", 20).await));
}
