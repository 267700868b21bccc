#![doc = include_str!("../README.md")]
#![allow(clippy::cast_precision_loss)] // figures for people

#[macro_use]
extern crate lutong_client;

mod bare;
mod cold_start;
mod load;
mod overload;
mod people;
mod report;
mod verified;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use lutong_composition::config::NodeConfig;
use lutong_composition::keys::MeshKeys;
use lutong_composition::one_process;
use lutong_kernel::Channel;
use lutong_operating::entropy::Entropy;
use lutong_operating::telemetry;
use lutong_operating::telemetry::TelemetryConfig;
use lutong_operating::wall_clock::WallClock;
use std::sync::Arc;

use load::Load;
use lutong_client::Failure;
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
    /// Measure only what becomes of ten times as many callers as the gateway serves at once.
    #[arg(long, conflicts_with = "verified")]
    overload: bool,
    /// Measure only applications of accounts that prove who they are, with the authority played by a stand-in.
    #[arg(long)]
    verified: bool,
}

/// Applications and reports per second in the steady phases.
const STEADY: u32 = 200;
/// Rounds of showing, alternating with the baseline; the median counts.
const ROUNDS: usize = 3;

impl Bench {
    pub async fn run(self) -> Result<(), Failure> {
        machine();
        if !self.verified && !self.overload {
            cold_start::measure().await?;
        }
        let temporary = tempfile::tempdir()?;
        let data = self.data.clone().unwrap_or_else(|| temporary.path().join("data"));
        let mut config = NodeConfig {
            data,
            ..NodeConfig::default()
        };
        config.gateway.listen.set_port(0);
        config.gateway.dev = true;
        config.gateway.rate_per_subject = 1_000_000;
        config.gateway.rate_per_address = 1_000_000;
        // The whole load comes from one feed and one address; a pause of the disk must not exceed their limits.
        config.gateway.in_flight_per_account = 100_000;
        config.gateway.in_flight_per_address = 100_000;
        config.gateway.in_flight_per_connection = 100_000;
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
        let running = one_process::start(
            &config,
            Arc::new(WallClock),
            Arc::new(Entropy),
            telemetry.render(),
        )
        .await?;
        let keys = MeshKeys::open(&one_process::keys(&config.data), &Entropy)?;
        if let Some(stand_ins) = stand_ins {
            let people = |count| People::of_channel(&keys.session.seal, count, Channel::WeChatMini);
            verified::run(&running, &stand_ins, people, self.seconds).await?;
            running.stop().await;
            drop(telemetry);
            return Ok(());
        }
        if self.overload {
            let people = People::new(&keys.session.seal, overload::PEOPLE);
            let load = Load::to(&format!("http://{}", running.address), people);
            overload::run(&load, config.gateway.show_in_flight, self.seconds).await?;
            running.stop().await;
            drop(telemetry);
            return Ok(());
        }
        let people = People::new(&keys.session.seal, self.people + self.steady_people());
        let load = Load::to(&format!("http://{}", running.address), people);
        self.apply(&load).await?;
        self.report(&load).await?;
        self.show(&load).await?;
        say!(
            "memory with all of this      {} MB resident",
            resident_mb("self").unwrap_or_default()
        );
        running.stop().await;
        drop(telemetry);
        Ok(())
    }

    fn steady_people(&self) -> usize {
        usize::try_from(self.seconds).unwrap_or(8) * STEADY as usize
    }

    async fn apply(&self, load: &Load) -> Result<(), Failure> {
        let steady = load.apply_steadily(0..self.steady_people(), STEADY).await?;
        say!(
            "application to signed code   {STEADY}/s for {} s on SQLite (synchronous=FULL): p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms (aim: p99 ≤ 100 ms)",
            self.seconds,
            steady.value_at_quantile(0.5) as f64 / 1_000.0,
            steady.value_at_quantile(0.99) as f64 / 1_000.0,
            steady.max() as f64 / 1_000.0
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
            "report to colour in force    {STEADY}/s for {} s, each about another person: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms (aim: p99 ≤ 250 ms)",
            self.seconds,
            latency.value_at_quantile(0.5) as f64 / 1_000.0,
            latency.value_at_quantile(0.99) as f64 / 1_000.0,
            latency.max() as f64 / 1_000.0
        );
        Ok(())
    }

    async fn show(&self, load: &Load) -> Result<(), Failure> {
        let bare = bare::BareServer::serve()?;
        let round = Duration::from_secs(self.seconds);
        let (mut ratios, mut bares, mut shows) = (Vec::new(), Vec::new(), Vec::new());
        // Warm-up: verifies every session and opens every connection.
        load.show_for(Duration::from_secs(1), None).await?;
        load.show_for(Duration::from_secs(1), Some(&bare.base)).await?;
        for _ in 0..ROUNDS {
            let echoed = load.show_for(round, Some(&bare.base)).await?;
            let shown = load.show_for(round, None).await?;
            ratios.push(shown / echoed);
            bares.push(echoed);
            shows.push(shown);
        }
        say!(
            "showing through the gateway  {:.0}/s, bare tonic echo {:.0}/s, ratio {:.2} (median of {ROUNDS} rounds of {} s; each call another of {} people, signed in the call) (aim: ≥ 0.35)",
            median(&mut shows),
            median(&mut bares),
            median(&mut ratios),
            self.seconds,
            load.len()
        );
        Ok(())
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
