//! Start-up time and idle memory of a separate process on a fresh data folder.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::resident_mb;
use lutong_client::Failure;

const STARTS: usize = 3;
const IDLE: Duration = Duration::from_secs(5);

pub async fn measure() -> Result<(), Failure> {
    let mut starts = Vec::new();
    let mut idle = 0;
    for n in 0..STARTS {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--create", "--data"])
            .arg(folder.path().join("data"))
            .env("LUTONG_GATEWAY__LISTEN", format!("127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let serving = serving(port).await;
        starts.push(started.elapsed().as_secs_f64() * 1_000.0);
        if n == 0 && serving {
            tokio::time::sleep(IDLE).await;
            idle = resident_mb(&child.id().to_string()).unwrap_or_default();
        }
        child.kill()?;
        child.wait()?;
        if !serving {
            return Err(Failure::Because(
                "the fresh process did not serve within 30 s".to_owned(),
            ));
        }
    }
    say!(
        "start to health SERVING      {:.0} ms on a fresh folder, keys and migrations included (median of {STARTS}) (aim: ≤ 1,000 ms)",
        super::median(&mut starts)
    );
    say!("idle memory                  {idle} MB resident, the whole mesh in one process (aim: ≤ 150 MB)");
    Ok(())
}

/// A port on which nobody listens now, and a new one each time. Below those that connections get for themselves (from 32,768 on): a process that
/// is started first calls the others, and must not take the port of one that is started later.
pub fn free_port() -> std::io::Result<u16> {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static TRIED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..COUNT {
        let number = std::process::id().wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).unwrap_or(u16::MAX);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::ErrorKind::AddrInUse.into())
}

/// Whether the gateway on this port serves within 30 s.
pub async fn serving(port: u16) -> bool {
    let started = Instant::now();
    let Ok(endpoint) = Endpoint::from_shared(format!("http://127.0.0.1:{port}")) else {
        return false;
    };
    while started.elapsed() < Duration::from_secs(30) {
        if let Ok(channel) = endpoint.connect().await {
            let asked = HealthClient::new(channel)
                .check(HealthCheckRequest::default())
                .await;
            if asked.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    false
}
