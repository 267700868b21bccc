//! Faults of processes and of the connections between them.

use std::path::PathBuf;
use std::time::Duration;

use lutong_kernel::ServiceName;

use super::draw::Draw;
use crate::mesh::{Mesh, Shape};
use crate::wires::{WireState, Wires};

/// Failpoints and the service that reaches each (see `tests/faults.rs`).
const FAILPOINTS: [(&str, &str); 8] = [
    ("declaration.before_commit", "declaration"),
    ("declaration.committed", "declaration"),
    ("risk_rules.committed", "risk-rules"),
    ("risk_rules.applied", "risk-rules"),
    ("outbox.sequenced", "risk-rules"),
    ("code_rendering.committed", "code-rendering"),
    ("follower.before_commit", "code-rendering"),
    ("follower.before_commit", "risk-rules"),
];

const KILLED: [&str; 5] = [
    "identity",
    "declaration",
    "risk-rules",
    "code-rendering",
    "gateway",
];

/// Call faults that are always active, and those of heavy periods (see `lutong_testing::network_faults`).
const MILD: &str = "repeat 50 hold 15";
const HEAVY: &str = "repeat 50 hold 40 refuse 15 mute 15";

/// A fault of one process.
#[derive(Debug, Clone, Copy)]
pub enum ProcessTrouble {
    /// Killed and restarted after a while.
    Killed(&'static str, Duration),
    /// Killed at the n-th time it reaches a failpoint.
    KilledAt(&'static str, &'static str, usize),
    /// Paused, like a process without CPU time or waiting for its disk.
    Stopped(&'static str, Duration),
    /// Redis is flushed: doorbell streams, limits and sessions are lost.
    RedisEmptied,
}

/// How long to wait for a process to reach a failpoint.
const REACH_TIMEOUT: Duration = Duration::from_millis(1_200);

impl ProcessTrouble {
    /// A random fault and its approximate duration.
    pub fn draw(draw: &Draw, shape: Shape) -> (Duration, Self) {
        let of = |service| match shape {
            Shape::OneProcess => "lutong",
            Shape::Mesh => service,
        };
        let (place, service) = draw.one_of(&FAILPOINTS);
        match draw.below(if shape == Shape::Mesh { 10 } else { 9 }) {
            0..3 => {
                let away = draw.pause(0, 600);
                (away, Self::Killed(of(draw.one_of(&KILLED)), away))
            }
            3..6 => (
                REACH_TIMEOUT,
                Self::KilledAt(place, of(service), 1 + draw.below(4)),
            ),
            6..9 => {
                let still = draw.pause(100, 1_200);
                (still, Self::Stopped(of(draw.one_of(&KILLED)), still))
            }
            _ => (Duration::ZERO, Self::RedisEmptied),
        }
    }

    pub async fn happen(self, mesh: &mut Mesh) {
        match self {
            Self::Killed(name, away) => {
                let process = mesh.processes.get_mut(name).unwrap();
                process.kill();
                tokio::time::sleep(away).await;
                process.again(None);
            }
            Self::KilledAt(place, name, n) => {
                let process = mesh.processes.get_mut(name).unwrap();
                process.again(Some(&format!("{place}:{n}")));
                let started = std::time::Instant::now();
                while process.is_running() && started.elapsed() < REACH_TIMEOUT {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                process.again(None);
            }
            Self::Stopped(name, still) => {
                let process = &mesh.processes[name];
                process.stop();
                tokio::time::sleep(still).await;
                process.go_on();
            }
            Self::RedisEmptied => empty(mesh.redis.as_deref().unwrap()).await,
        }
    }
}

async fn empty(redis: &str) {
    let client = redis::Client::open(redis).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("FLUSHALL")
        .query_async::<()>(&mut connection)
        .await
        .unwrap();
}

/// A fault of the connections between services.
#[derive(Debug, Clone, Copy)]
pub enum WireTrouble {
    /// One service cannot reach another one.
    Between(ServiceName, ServiceName, WireState, Duration),
    /// One service is partitioned from all others.
    Around(ServiceName, WireState, Duration),
    /// Calls are delayed, duplicated or lost, and answers are lost.
    Storm(Duration),
}

/// The connections that a statement passes on its way to a visible colour.
const PATHS: [(ServiceName, ServiceName); 7] = [
    (ServiceName::RiskRules, ServiceName::CodeRendering),
    (ServiceName::RiskRules, ServiceName::CodeRendering),
    (ServiceName::CodeRendering, ServiceName::RiskRules),
    (ServiceName::Declaration, ServiceName::RiskRules),
    (ServiceName::RiskRules, ServiceName::Declaration),
    (ServiceName::CodeRendering, ServiceName::Identity),
    (ServiceName::Declaration, ServiceName::Identity),
];

impl WireTrouble {
    pub fn draw(draw: &Draw, shape: Shape) -> (Duration, Self) {
        let lasts = draw.pause(100, 1_300);
        let slow = WireState::Slow(draw.pause(20, 200));
        let weather = draw.one_of(&[WireState::Cut, WireState::Stalled, slow]);
        let (from, to) = draw.one_of(&PATHS);
        let trouble = match draw.below(5) {
            0..3 if shape == Shape::Mesh => Self::Between(from, to, weather, lasts),
            3 if shape == Shape::Mesh => Self::Around(to, weather, lasts),
            _ => Self::Storm(lasts),
        };
        (lasts, trouble)
    }

    pub async fn happen(self, wires: &Wires, call_faults: &CallFaults) {
        let lasts = match self {
            Self::Between(from, to, weather, lasts) => {
                wires.set(weather, |one, other| (one, other) == (from, to));
                lasts
            }
            Self::Around(service, weather, lasts) => {
                wires.set(weather, |from, to| from == service || to == service);
                lasts
            }
            Self::Storm(lasts) => {
                call_faults.heavy();
                lasts
            }
        };
        tokio::time::sleep(lasts).await;
        wires.clear();
        call_faults.mild();
    }
}

/// The connection cut during the last statements, which must come into force by themselves once it is restored.
#[derive(Debug, Clone, Copy)]
pub enum LastTrouble {
    /// Two services cannot reach each other in either direction.
    Between(ServiceName, ServiceName),
    /// One service of the single process is partitioned from the others.
    Away(ServiceName),
    /// First declaration cannot reach risk-rules, then risk-rules cannot reach code-rendering: risk-rules decides when
    /// it reads declaration's log, and only its own log can bring the decision into force.
    OneAfterTheOther,
}

const DECLARED: (ServiceName, ServiceName) = (ServiceName::Declaration, ServiceName::RiskRules);
const DECIDED: (ServiceName, ServiceName) = (ServiceName::RiskRules, ServiceName::CodeRendering);
/// Time for risk-rules to read declaration's log while code-rendering is still away.
const BETWEEN: Duration = Duration::from_millis(2_500);

fn cut(wires: &Wires, (one, other): (ServiceName, ServiceName)) {
    wires.set(WireState::Cut, |from, to| {
        (from, to) == (one, other) || (from, to) == (other, one)
    });
}

impl LastTrouble {
    pub fn draw(draw: &Draw, shape: Shape) -> Self {
        // Mostly the delivery of decisions, where statements are known to be stored.
        let where_to = draw.below(10);
        match (shape, where_to) {
            (Shape::OneProcess, 0..7) => Self::Away(DECIDED.1),
            (Shape::OneProcess, _) => Self::Away(DECLARED.1),
            (Shape::Mesh, 0..4) => Self::Between(DECIDED.0, DECIDED.1),
            (Shape::Mesh, 4..7) => Self::Between(DECLARED.0, DECLARED.1),
            (Shape::Mesh, _) => Self::OneAfterTheOther,
        }
    }

    /// Whether declarations meanwhile wait until risk-rules reads declaration's log.
    pub fn cuts_off_risk_rules(self) -> bool {
        match self {
            Self::Between(one, _) => one == DECLARED.0,
            Self::Away(service) => service == DECLARED.1,
            Self::OneAfterTheOther => true,
        }
    }

    pub fn begin(self, wires: &Wires, call_faults: &CallFaults) {
        // Cut, not stalled, and without duplicates: calls must not arrive later, so that only the log delivers the
        // decision.
        match self {
            Self::Between(one, other) => {
                call_faults.clear();
                cut(wires, (one, other));
            }
            Self::OneAfterTheOther => {
                call_faults.clear();
                cut(wires, DECLARED);
                cut(wires, DECIDED);
            }
            Self::Away(service) => call_faults.write(&format!("away {service}")),
        }
    }

    /// Restores what has to be restored before the rest.
    pub async fn mend_first(self, wires: &Wires) {
        if matches!(self, Self::OneAfterTheOther) {
            wires.set(WireState::Clear, |from, to| {
                [(from, to), (to, from)].contains(&DECLARED)
            });
            tokio::time::sleep(BETWEEN).await;
        }
    }
}

/// The file that controls the injected call faults in processes started with [`CallFaults::setting`].
#[derive(Debug)]
pub struct CallFaults {
    folder: tempfile::TempDir,
}

impl CallFaults {
    pub fn none() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("wire")
    }

    pub fn setting(&self) -> (String, String) {
        let name = "LUTONG_FAILPOINT_WIRE".to_owned();
        (name, self.file().display().to_string())
    }

    fn write(&self, text: &str) {
        // Replaced atomically, because processes read it concurrently.
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    pub fn mild(&self) {
        self.write(MILD);
    }

    pub fn heavy(&self) {
        self.write(HEAVY);
    }

    /// Duplicates every call, with a delay.
    pub fn duplicate_all(&self) {
        self.write("repeat 100");
    }

    pub fn clear(&self) {
        self.write("");
    }
}
