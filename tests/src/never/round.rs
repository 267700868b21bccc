//! One round: faults while people apply, feeds report and doors verify; then recovery, and the checks after it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::history::{History, Outcome};
use super::judge::{Breach, PENDING_LIMIT, is_settled, judge, unseen};
use super::plan::{IN_A_ROW, Plan};
use super::reporting::{Recorder, Reporter};
use super::trouble::CallFaults;
use super::watching::Watcher;
use crate::mesh::Mesh;

/// How long a round observes after the services are connected, so that late effects are detected.
const OBSERVATION_TIME: Duration = Duration::from_micros(PENDING_LIMIT + 1_000_000);
/// The longest delay of a duplicate.
const MAX_DUPLICATE_DELAY: Duration = Duration::from_millis(2_600);
/// How long to wait for a final observation of everybody.
const FINAL_OBSERVATION: Duration = Duration::from_secs(10);

/// The result of a round.
#[derive(Debug)]
pub struct RoundResult {
    pub seed: u64,
    pub history: History,
    pub breaches: Vec<Breach>,
    /// Time from reconnecting the services until everything stored was visible.
    pub settled: Duration,
    troubles: String,
}

/// Runs the round of a seed.
pub async fn run(mesh: &mut Mesh, call_faults: &CallFaults, seed: u64) -> RoundResult {
    let mut plan = Plan::draw(seed, mesh.shape);
    let troubles = format!("{:?}\n{:?}\n{:?}", plan.processes, plan.wires, plan.last);
    let mut people = Vec::new();
    for _ in &plan.turns {
        people.push(mesh.gateway.person().await);
    }
    let door = mesh.gateway.session("checkpoint-1").await;
    let recorder = Recorder::begin(History {
        statements: std::mem::take(&mut plan.statements),
        ..History::default()
    });
    let reporter = Reporter::new(&mesh.gateway, recorder.clone(), people.clone()).await;
    let (mut watchers, mut reports) = (JoinSet::new(), JoinSet::new());
    for (place, person) in people.into_iter().enumerate() {
        watchers.spawn(Watcher::new(recorder.clone(), place, person, door.clone()).watch());
    }
    let (last, mut last_turns, mut rows) = (plan.last, Vec::new(), Vec::new());
    for mut turns in plan.turns.drain(..) {
        last_turns.extend(turns.pop());
        rows.push(turns.split_off(turns.len() - IN_A_ROW.len()));
        reports.spawn(reporter.clone().play(turns));
    }
    trouble(mesh, call_faults, plan).await;
    while let Some(done) = reports.join_next().await {
        done.unwrap();
    }
    mesh.all_ready().await;
    call_faults.duplicate_all();
    futures::future::join_all(rows.into_iter().map(|row| reporter.clone().play(row))).await;
    // Waits for all duplicates: a late one would bring into force what only the log should deliver.
    call_faults.clear();
    tokio::time::sleep(MAX_DUPLICATE_DELAY).await;
    last.begin(&mesh.wires, call_faults);
    reporter.play_last(&last_turns).await;
    last.mend_first(&mesh.wires).await;
    let settled = calm(mesh, call_faults, &recorder).await;
    reporter.settle().await;
    let (closed, started) = (recorder.now(), Instant::now());
    recorder.with(|history| history.closed = Some(closed));
    while started.elapsed() < FINAL_OBSERVATION
        && recorder.with(|history| !unseen(history, closed).is_empty())
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    watchers.shutdown().await;
    let history = recorder.with(std::mem::take);
    RoundResult {
        seed,
        breaches: judge(&history),
        history,
        settled,
        troubles,
    }
}

async fn trouble(mesh: &mut Mesh, call_faults: &CallFaults, plan: Plan) {
    call_faults.mild();
    let wires = std::mem::take(&mut mesh.wires);
    let to_processes = async {
        for (pause, trouble) in plan.processes {
            tokio::time::sleep(pause).await;
            trouble.happen(mesh).await;
        }
    };
    let to_wires = async {
        for (pause, trouble) in plan.wires {
            tokio::time::sleep(pause).await;
            trouble.happen(&wires, call_faults).await;
        }
    };
    tokio::join!(to_processes, to_wires);
    mesh.wires = wires;
}

/// Restores all services and connections; returns how long it takes until everything stored is visible.
async fn calm(mesh: &mut Mesh, call_faults: &CallFaults, recorder: &Recorder) -> Duration {
    mesh.wires.clear();
    call_faults.clear();
    mesh.all_ready().await;
    let (healed, started) = (recorder.now(), Instant::now());
    recorder.with(|history| history.healed = Some(healed));
    // Does not wait if there is a violation already.
    if recorder.with(|history| !judge(history).is_empty()) {
        return started.elapsed();
    }
    while started.elapsed() < OBSERVATION_TIME {
        let now = recorder.now();
        if recorder.with(|history| is_settled(history, healed, now)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

impl RoundResult {
    /// Fails on a violation, with everything needed to reproduce and understand it.
    pub fn assert_kept(&self) {
        assert!(self.breaches.is_empty(), "{}", self.report());
    }

    pub fn report(&self) -> String {
        let mut said = format!(
            "LUTONG_TEST_SEED={} ({} breaches)\n{}\n",
            self.seed,
            self.breaches.len(),
            self.troubles
        );
        for breach in self.breaches.iter().take(5) {
            let _ = writeln!(said, "{breach}");
        }
        let _ = writeln!(
            said,
            "healed {:?} closed {:?}",
            self.history.healed, self.history.closed
        );
        let people: Vec<usize> = self
            .breaches
            .iter()
            .map(|one| one.person(&self.history))
            .collect();
        for (n, statement) in self.history.statements.iter().enumerate() {
            if people.contains(&statement.person) {
                let _ = writeln!(said, "{n}: {statement:?}");
            }
        }
        said
    }

    /// A one-line summary of the round.
    pub fn summary(&self) -> String {
        let statements = || self.history.statements.iter();
        let sent = statements().filter(|one| one.sent.is_some()).count();
        let answers = |which: fn(&Outcome) -> bool| {
            let all = statements().flat_map(|one| &one.answers);
            all.filter(|one| which(&one.outcome)).count()
        };
        format!(
            "LUTONG_TEST_SEED={}: {sent} statements ({} answers in force, {} pending, {} none), {} looks, settled within {} ms of \
             reaching each other",
            self.seed,
            answers(|one| *one == Outcome::InForce),
            answers(|one| matches!(one, Outcome::Pending | Outcome::Recorded)),
            answers(|one| *one == Outcome::Unanswered),
            self.history.seen.len(),
            self.settled.as_millis()
        )
    }
}
