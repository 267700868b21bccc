#![doc = include_str!("../README.md")]
#![allow(clippy::cast_precision_loss)] // figures for people

#[macro_use]
extern crate lutong_client;

mod bare;
mod codes;
mod cold_start;
mod doors;
mod load;
mod mesh;
mod overload;
mod people;
mod report;
mod verified;

use std::path::Path;

use clap::Args;
use lutong_composition::config::NodeConfig;
use lutong_composition::keys::MeshKeys;
use lutong_composition::{Running, one_process};
use lutong_gateway::GatewayConfig;
use lutong_kernel::Channel;
use lutong_operating::entropy::Entropy;
use lutong_operating::telemetry;
use lutong_operating::telemetry::TelemetryConfig;
use lutong_operating::wall_clock::WallClock;
use lutong_transport::access::PrincipalKey;
use std::sync::Arc;

use doors::Door;
use load::{Load, spread};
use lutong_client::Failure;
use mesh::Mesh;
use people::People;

#[derive(Debug, Args)]
pub struct Bench {
    /// Number of people who apply and whose codes are shown.
    #[arg(long, default_value_t = 100_000)]
    people: usize,
    /// Duration of each round of showing, and of the steady phase at 200 applications per second, in seconds.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Folder for the databases; a temporary one unless given.
    #[arg(long)]
    data: Option<std::path::PathBuf>,
    /// Seven processes with mTLS, PostgreSQL and Redis in place of one process; both servers are started (Debian packages
    /// postgresql-15 and redis-server).
    #[arg(long, conflicts_with_all = ["verified", "data"])]
    mesh: bool,
    /// Measure only what becomes of ten times as many callers as the gateway serves at once.
    #[arg(long, conflicts_with = "verified")]
    overload: bool,
    /// Measure only applications of accounts that prove who they are, with the authority played by a stand-in.
    #[arg(long)]
    verified: bool,
}

/// Applications and reports per second in the steady phases.
const STEADY: u32 = 200;
/// Reports of a door per second.
const DOOR_REPORTS: u32 = 50;
/// A limit that no load of one machine reaches.
const PLENTY: u32 = 1_000_000;

/// The system under load, in one of its two shapes.
enum System {
    OneProcess {
        running: Box<Running>,
        session: PrincipalKey,
    },
    Mesh(Mesh),
}

impl System {
    fn base(&self) -> String {
        match self {
            Self::OneProcess { running, .. } => format!("http://{}", running.address),
            Self::Mesh(mesh) => mesh.base.clone(),
        }
    }

    const fn sessions(&self) -> &PrincipalKey {
        match self {
            Self::OneProcess { session, .. } => session,
            Self::Mesh(mesh) => &mesh.session,
        }
    }

    /// Where what is acknowledged lies.
    const fn storage(&self) -> &'static str {
        match self {
            Self::OneProcess { .. } => "SQLite (synchronous=FULL)",
            Self::Mesh(_) => "PostgreSQL (fsync), seven processes with mTLS",
        }
    }

    fn say_memory(&self) {
        match self {
            Self::OneProcess { .. } => say!(
                "memory with all of this      {} MB resident",
                resident_mb("self").unwrap_or_default()
            ),
            Self::Mesh(mesh) => {
                let each = mesh.resident();
                let total: u64 = each.iter().map(|(_, resident)| resident).sum();
                let each: Vec<_> = each
                    .iter()
                    .map(|(service, resident)| format!("{service} {resident}"))
                    .collect();
                say!(
                    "memory with all of this      {total} MB resident: {}",
                    each.join(", ")
                );
            }
        }
    }

    async fn stop(self) {
        match self {
            Self::OneProcess { running, .. } => {
                running.stop().await;
            }
            Self::Mesh(mesh) => drop(mesh),
        }
    }
}

impl Bench {
    pub async fn run(self) -> Result<(), Failure> {
        machine();
        if !self.verified && !self.overload && !self.mesh {
            cold_start::measure().await?;
        }
        let temporary = tempfile::tempdir()?;
        if self.mesh {
            let mut gateway = vec![("LUTONG_GATEWAY__DEV", "true".to_owned())];
            let limits = [
                "LUTONG_GATEWAY__RATE_PER_SUBJECT",
                "LUTONG_GATEWAY__RATE_PER_ADDRESS",
                "LUTONG_GATEWAY__IN_FLIGHT_PER_ACCOUNT",
                "LUTONG_GATEWAY__IN_FLIGHT_PER_ADDRESS",
                "LUTONG_GATEWAY__IN_FLIGHT_PER_CONNECTION",
            ];
            gateway.extend(limits.map(|limit| (limit, PLENTY.to_string())));
            let mesh = Mesh::start(temporary.path(), &gateway).await?;
            return self.measured(System::Mesh(mesh)).await;
        }
        let mut config = self.config(temporary.path());
        let stand_ins = if self.verified {
            Some(verified::configure(&mut config, temporary.path()).await?)
        } else {
            None
        };
        let quiet = TelemetryConfig {
            log: "warn".to_owned(),
            ..TelemetryConfig::default()
        };
        let telemetry = telemetry::init(&quiet, "bench")?;
        let (clock, random) = (Arc::new(WallClock), Arc::new(Entropy));
        let running = one_process::start(&config, clock, random, telemetry.render()).await?;
        let session = MeshKeys::open(&one_process::keys(&config.data), &Entropy)?
            .session
            .seal;
        if let Some(stand_ins) = stand_ins {
            let people = |count| People::of_channel(&session, count, Channel::WeChatMini);
            verified::run(&running, &stand_ins, people, self.seconds).await?;
            running.stop().await;
            return Ok(());
        }
        let running = Box::new(running);
        self.measured(System::OneProcess { running, session }).await
    }

    /// The settings of one process. The whole load comes from one feed and one address; a pause of the disk must not exceed their limits.
    fn config(&self, temporary: &Path) -> NodeConfig {
        let mut config = NodeConfig {
            data: self.data.clone().unwrap_or_else(|| temporary.join("data")),
            ..NodeConfig::default()
        };
        let gateway = &mut config.gateway;
        gateway.listen.set_port(0);
        gateway.dev = true;
        gateway.rate_per_subject = PLENTY;
        gateway.rate_per_address = PLENTY;
        gateway.in_flight_per_account = PLENTY as usize;
        gateway.in_flight_per_address = PLENTY as usize;
        gateway.in_flight_per_connection = PLENTY as usize;
        config
    }

    /// Measures a system, and stops it whatever came out.
    async fn measured(self, system: System) -> Result<(), Failure> {
        let measured = if self.overload {
            let load = Load::to(&system.base(), People::new(system.sessions(), overload::PEOPLE));
            overload::run(&load, GatewayConfig::default().show_in_flight, self.seconds).await
        } else {
            self.measure(&system).await
        };
        system.stop().await;
        measured
    }

    async fn measure(&self, system: &System) -> Result<(), Failure> {
        let people = People::new(system.sessions(), self.people + self.steady_people());
        let load = Load::to(&system.base(), people);
        self.apply(&load, system.storage()).await?;
        self.report(&load).await?;
        let door = self.doors(&load, system.sessions()).await?;
        codes::measure(&load, &door, self.seconds).await?;
        system.say_memory();
        Ok(())
    }

    fn steady_people(&self) -> usize {
        usize::try_from(self.seconds).unwrap_or(8) * STEADY as usize
    }

    async fn apply(&self, load: &Load, storage: &str) -> Result<(), Failure> {
        let steady = load.apply_steadily(0..self.steady_people(), STEADY).await?;
        say!(
            "application to signed code   {STEADY}/s for {} s on {storage}: {} (aim: p99 ≤ 100 ms)",
            self.seconds,
            spread(&steady)
        );
        let first = self.steady_people();
        let (took, latency) = load.apply_all(first..first + self.people).await?;
        say!(
            "applications sustained       {:.0}/s over {} people, each shown its signed code ({:.0} s, p99 {:.0} ms) (aim: ≥ 1,500/s)",
            self.people as f64 / took.as_secs_f64(),
            self.people,
            took.as_secs_f64(),
            latency.value_at_quantile(0.99) as f64 / 1_000.0
        );
        Ok(())
    }

    /// Reports about the people of the steady phase, each of whom turns from green.
    async fn report(&self, load: &Load) -> Result<(), Failure> {
        let latency = load.report_steadily(0..self.steady_people(), STEADY).await?;
        say!(
            "report to colour in force    {STEADY}/s for {} s, each about another person: {} (aim: p99 ≤ 250 ms)",
            self.seconds,
            spread(&latency)
        );
        Ok(())
    }

    /// A door reports people of whom the authority has just reported.
    async fn doors(&self, load: &Load, sessions: &PrincipalKey) -> Result<Door, Failure> {
        let door = Door::open(load, sessions).await?;
        let people = usize::try_from(self.seconds).unwrap_or(8) * DOOR_REPORTS as usize;
        let latency = door
            .report_steadily(load, 0..people.min(self.steady_people()), DOOR_REPORTS)
            .await?;
        say!(
            "door to officer's stream     {DOOR_REPORTS}/s for {} s: {} (aim: p99 ≤ 100 ms)",
            self.seconds,
            spread(&latency)
        );
        Ok(door)
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn machine() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .nth(1)
        .unwrap_or("0");
    let memory = memory.parse::<u64>().unwrap_or_default() / 1_048_576;
    let build = if cfg!(debug_assertions) {
        "debug build: figures mean nothing"
    } else {
        "release build"
    };
    say!(
        "machine                      {cores} cores,{}, {memory} GiB, {build}; client and server share the cores",
        model.trim_start_matches([' ', '\t', ':'])
    );
}

/// Resident memory of a process in MB.
fn resident_mb(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kb| kb / 1_024)
}
