//! One `lutong` process under test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The binary with failpoints, built by `tests/run`.
pub fn binary() -> PathBuf {
    std::env::var("LUTONG_TEST_BINARY")
        .unwrap_or_else(|_| {
            panic!("LUTONG_TEST_BINARY is not set: run the tests with tests/run, which builds the binary")
        })
        .into()
}

/// Below the ephemeral port range, from which an outgoing connection could otherwise take the port of a killed process.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A free port that this process has not returned before.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Tests run in parallel processes: each starts at another port.
    let begin = std::process::id().wrapping_mul(7_919);
    loop {
        let step = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        // The remainder is less than the length of the range.
        let port = PORTS.start + u16::try_from(step % u32::from(PORTS.end - PORTS.start)).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// How to start a process, and restart it after each kill.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub log: PathBuf,
    /// The admin port, which answers when the process is ready.
    pub admin_port: u16,
}

/// A process that is killed when dropped.
pub struct Process {
    recipe: Recipe,
    child: Child,
    /// The length of the log when the process was started.
    logged: usize,
}

impl Process {
    /// Starts the process; with `failpoint` (`name:n`) it aborts there.
    pub fn start(recipe: Recipe, failpoint: Option<&str>) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&recipe.log)
            .unwrap();
        let logged = usize::try_from(log.metadata().unwrap().len()).unwrap();
        let mut command = Command::new(binary());
        command
            .args(&recipe.arguments)
            .envs(recipe.environment.iter().cloned())
            .env("LUTONG_ADMIN_LISTEN", format!("127.0.0.1:{}", recipe.admin_port))
            .env("LUTONG_TELEMETRY__LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        if let Some(failpoint) = failpoint {
            command.env("LUTONG_FAILPOINT", failpoint);
        }
        let child = command.spawn().unwrap();
        Self {
            recipe,
            child,
            logged,
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it, like a power cut.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends SIGTERM; returns the exit status.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap()
    }

    /// Sends SIGSTOP: it keeps its connections and answers nothing.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    /// Sends SIGCONT.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        // The process may have ended meanwhile.
        let _ = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status();
    }

    /// Kills it if it still runs, and restarts it.
    pub fn again(&mut self, failpoint: Option<&str>) {
        self.kill();
        *self = Self::start(self.recipe.clone(), failpoint);
    }

    /// Kills it and restarts it with another setting, permanently.
    pub fn again_with(&mut self, name: &str, value: &str) {
        self.recipe.environment.push((name.to_owned(), value.to_owned()));
        self.again(None);
    }

    pub async fn answers_ready(&self) -> bool {
        answers_ready(self.recipe.admin_port).await
    }

    /// Waits until it is ready; `false` if it ended before.
    pub async fn ready(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            if !self.is_running() {
                return false;
            }
            if answers_ready(self.recipe.admin_port).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not ready within 30 s: {}", self.log());
    }

    /// The answer of `/healthz/ready`; `null` if there is none.
    pub async fn readiness(&self) -> serde_json::Value {
        let answer = get(self.recipe.admin_port, "/healthz/ready")
            .await
            .unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_default()
    }

    /// Waits until its readiness is `wanted`.
    pub async fn readiness_becomes(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let started = Instant::now();
        loop {
            let now = self.readiness().await;
            if wanted(&now) {
                return now;
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{now}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until it has ended; returns the exit status and the log since its start.
    pub async fn ended(&mut self) -> (std::process::ExitStatus, String) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = self.log();
                return (status, log[self.logged.min(log.len())..].to_owned());
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "it goes on: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it and restarts it with other settings, for this run only.
    pub fn once_with(&mut self, settings: &[(&str, String)]) {
        self.kill();
        let kept = self.recipe.clone();
        let mut recipe = kept.clone();
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        recipe.environment.extend(settings);
        *self = Self::start(recipe, None);
        self.recipe = kept;
    }

    /// Its environment variables.
    pub fn environment(&self) -> &[(String, String)] {
        &self.recipe.environment
    }

    /// The metrics in Prometheus' text format.
    pub async fn metrics(&self) -> String {
        get(self.recipe.admin_port, "/metrics").await.unwrap_or_default()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.recipe.log).unwrap_or_default()
    }
}

async fn answers_ready(port: u16) -> bool {
    let answer = get(port, "/healthz/ready").await;
    answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

async fn get(port: u16, path: &str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    socket.write_all(request.as_bytes()).await?;
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(15).collect();
            for line in tail.into_iter().rev() {
                eprintln!(
                    "{} | {line}",
                    self.recipe.log.file_name().unwrap_or_default().to_string_lossy()
                );
            }
        }
    }
}
