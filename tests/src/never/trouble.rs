//! What goes wrong: to processes, and to the wires between them.

use std::path::PathBuf;
use std::time::Duration;

use lutong_kernel::ServiceName;

use super::draw::Draw;
use crate::mesh::{Mesh, Shape};
use crate::wires::{Weather, Wires};

/// Places between commits, and the service of the mesh that passes them (see `tests/faults.rs`).
const PLACES: [(&str, &str); 8] = [
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

/// What an unruly wire does always, and what in a storm (see `lutong_transport::client`).
const BREEZE: &str = "repeat 50 hold 15";
const STORM: &str = "repeat 50 hold 40 refuse 15 mute 15";

/// To one process.
#[derive(Debug, Clone, Copy)]
pub enum ProcessTrouble {
    /// Killed, and away for a while.
    Killed(&'static str, Duration),
    /// Killed where it passes a place for the n-th time.
    KilledAt(&'static str, &'static str, usize),
    /// Holds still, as one that has no processor or waits for its disk.
    Stopped(&'static str, Duration),
    /// The doorbell, limits and sessions are gone.
    RedisEmptied,
}

/// How long one waits for a process to pass a place.
const PASSES: Duration = Duration::from_millis(1_200);

impl ProcessTrouble {
    /// How long it lasts about, and what it is.
    pub fn draw(draw: &Draw, shape: Shape) -> (Duration, Self) {
        let of = |service| match shape {
            Shape::OneProcess => "lutong",
            Shape::Mesh => service,
        };
        let (place, service) = draw.one_of(&PLACES);
        match draw.below(if shape == Shape::Mesh { 10 } else { 9 }) {
            0..3 => {
                let away = draw.pause(0, 600);
                (away, Self::Killed(of(draw.one_of(&KILLED)), away))
            }
            3..6 => (PASSES, Self::KilledAt(place, of(service), 1 + draw.below(4))),
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
                while process.is_running() && started.elapsed() < PASSES {
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

/// To what is between them.
#[derive(Debug, Clone, Copy)]
pub enum WireTrouble {
    /// One service does not reach one other.
    Between(ServiceName, ServiceName, Weather, Duration),
    /// One service reaches nobody and nobody reaches it.
    Around(ServiceName, Weather, Duration),
    /// Calls come late, twice, or not at all, and answers are lost.
    Storm(Duration),
}

/// The paths that a statement takes to become a colour that is seen.
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
        let slow = Weather::Slow(draw.pause(20, 200));
        let weather = draw.one_of(&[Weather::Cut, Weather::Stalled, slow]);
        let (from, to) = draw.one_of(&PATHS);
        let trouble = match draw.below(5) {
            0..3 if shape == Shape::Mesh => Self::Between(from, to, weather, lasts),
            3 if shape == Shape::Mesh => Self::Around(to, weather, lasts),
            _ => Self::Storm(lasts),
        };
        (lasts, trouble)
    }

    pub async fn happen(self, wires: &Wires, unruly: &Unruly) {
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
                unruly.storm();
                lasts
            }
        };
        tokio::time::sleep(lasts).await;
        wires.clear();
        unruly.breeze();
    }
}

/// What is cut in the end, while the last statements are made: these must come into force by themselves once it is mended.
#[derive(Debug, Clone, Copy)]
pub enum LastTrouble {
    /// Two services do not reach each other, either way.
    Between(ServiceName, ServiceName),
    /// One service of the one process is reached by no other, and reaches none.
    Away(ServiceName),
    /// Declaration does not reach risk-rules, and then risk-rules does not reach code-rendering: what was declared is decided
    /// about when risk-rules reads the log, and only its own log can bring that into force.
    OneAfterTheOther,
}

const DECLARED: (ServiceName, ServiceName) = (ServiceName::Declaration, ServiceName::RiskRules);
const DECIDED: (ServiceName, ServiceName) = (ServiceName::RiskRules, ServiceName::CodeRendering);
/// In which risk-rules reads what was declared, while code-rendering is still away.
const BETWEEN: Duration = Duration::from_millis(2_500);

fn cut(wires: &Wires, (one, other): (ServiceName, ServiceName)) {
    wires.set(Weather::Cut, |from, to| {
        (from, to) == (one, other) || (from, to) == (other, one)
    });
}

impl LastTrouble {
    pub fn draw(draw: &Draw, shape: Shape) -> Self {
        // Mostly where a decision goes: what is stored then is known to be.
        let where_to = draw.below(10);
        match (shape, where_to) {
            (Shape::OneProcess, 0..7) => Self::Away(DECIDED.1),
            (Shape::OneProcess, _) => Self::Away(DECLARED.1),
            (Shape::Mesh, 0..4) => Self::Between(DECIDED.0, DECIDED.1),
            (Shape::Mesh, 4..7) => Self::Between(DECLARED.0, DECLARED.1),
            (Shape::Mesh, _) => Self::OneAfterTheOther,
        }
    }

    /// Whether what is declared meanwhile waits for risk-rules to read declaration's log.
    pub fn cuts_off_risk_rules(self) -> bool {
        match self {
            Self::Between(one, _) => one == DECLARED.0,
            Self::Away(service) => service == DECLARED.1,
            Self::OneAfterTheOther => true,
        }
    }

    pub fn begin(self, wires: &Wires, unruly: &Unruly) {
        // Cut, not stalled: what was sent must not arrive by itself later. Nor be sent again: only the log is to deliver it.
        match self {
            Self::Between(one, other) => {
                unruly.settle();
                cut(wires, (one, other));
            }
            Self::OneAfterTheOther => {
                unruly.settle();
                cut(wires, DECLARED);
                cut(wires, DECIDED);
            }
            Self::Away(service) => unruly.write(&format!("away {service}")),
        }
    }

    /// Mends what is to be mended before the rest is.
    pub async fn mend_first(self, wires: &Wires) {
        if matches!(self, Self::OneAfterTheOther) {
            wires.set(Weather::Clear, |from, to| {
                [(from, to), (to, from)].contains(&DECLARED)
            });
            tokio::time::sleep(BETWEEN).await;
        }
    }
}

/// The file that says what wires do to calls, in processes that were started with [`Unruly::setting`].
#[derive(Debug)]
pub struct Unruly {
    folder: tempfile::TempDir,
}

impl Unruly {
    pub fn calm() -> Self {
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
        // Whole or not at all: processes read it meanwhile.
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    pub fn breeze(&self) {
        self.write(BREEZE);
    }

    pub fn storm(&self) {
        self.write(STORM);
    }

    /// Every call comes again, later.
    pub fn echo(&self) {
        self.write("repeat 100");
    }

    pub fn settle(&self) {
        self.write("");
    }
}
