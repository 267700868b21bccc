//! One round: trouble while people apply, feeds report and doors look; then calm, and what must be true in it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::history::{History, Outcome};
use super::judge::{Breach, WITHIN, is_settled, judge, unseen};
use super::plan::{IN_A_ROW, Plan};
use super::reporting::{Reporter, Scribe};
use super::trouble::Unruly;
use super::watching::Watcher;
use crate::mesh::Mesh;

/// How long after the parts reach each other a round looks on at the most, so that what is late is seen to be.
const LOOKED_ON: Duration = Duration::from_micros(WITHIN + 1_000_000);
/// How late a repetition comes at the most.
const ECHOED: Duration = Duration::from_millis(2_600);
/// How long one waits in the end until everybody has been looked at.
const AT_THE_END: Duration = Duration::from_secs(10);

/// What came of a round.
#[derive(Debug)]
pub struct Played {
    pub seed: u64,
    pub history: History,
    pub breaches: Vec<Breach>,
    /// From when the parts reached each other until everything stored was seen.
    pub settled: Duration,
    troubles: String,
}

/// Plays the round of a seed.
pub async fn play(mesh: &mut Mesh, unruly: &Unruly, seed: u64) -> Played {
    let mut plan = Plan::draw(seed, mesh.shape);
    let troubles = format!("{:?}\n{:?}\n{:?}", plan.processes, plan.wires, plan.last);
    let mut people = Vec::new();
    for _ in &plan.turns {
        people.push(mesh.gateway.person().await);
    }
    let door = mesh.gateway.session("checkpoint-1").await;
    let scribe = Scribe::begin(History {
        statements: std::mem::take(&mut plan.statements),
        ..History::default()
    });
    let reporter = Reporter::new(&mesh.gateway, scribe.clone(), people.clone()).await;
    let (mut watchers, mut reports) = (JoinSet::new(), JoinSet::new());
    for (place, person) in people.into_iter().enumerate() {
        watchers.spawn(Watcher::new(scribe.clone(), place, person, door.clone()).watch());
    }
    let (last, mut last_turns, mut rows) = (plan.last, Vec::new(), Vec::new());
    for mut turns in plan.turns.drain(..) {
        last_turns.extend(turns.pop());
        rows.push(turns.split_off(turns.len() - IN_A_ROW.len()));
        reports.spawn(reporter.clone().play(turns));
    }
    trouble(mesh, unruly, plan).await;
    while let Some(done) = reports.join_next().await {
        done.unwrap();
    }
    mesh.all_ready().await;
    unruly.echo();
    futures::future::join_all(rows.into_iter().map(|row| reporter.clone().play(row))).await;
    // All repetitions have come: a late one would bring into force what only the log is to deliver.
    unruly.settle();
    tokio::time::sleep(ECHOED).await;
    last.begin(&mesh.wires, unruly);
    reporter.play_last(&last_turns).await;
    last.mend_first(&mesh.wires).await;
    let settled = calm(mesh, unruly, &scribe).await;
    reporter.settle().await;
    let (closed, started) = (scribe.now(), Instant::now());
    scribe.with(|history| history.closed = Some(closed));
    while started.elapsed() < AT_THE_END && scribe.with(|history| !unseen(history, closed).is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    watchers.shutdown().await;
    let history = scribe.with(std::mem::take);
    Played {
        seed,
        breaches: judge(&history),
        history,
        settled,
        troubles,
    }
}

async fn trouble(mesh: &mut Mesh, unruly: &Unruly, plan: Plan) {
    unruly.breeze();
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
            trouble.happen(&wires, unruly).await;
        }
    };
    tokio::join!(to_processes, to_wires);
    mesh.wires = wires;
}

/// Everything runs and is reached: how long it then takes until all that is stored is seen.
async fn calm(mesh: &mut Mesh, unruly: &Unruly, scribe: &Scribe) -> Duration {
    mesh.wires.clear();
    unruly.settle();
    mesh.all_ready().await;
    let (healed, started) = (scribe.now(), Instant::now());
    scribe.with(|history| history.healed = Some(healed));
    // What is broken already is not waited for.
    if scribe.with(|history| !judge(history).is_empty()) {
        return started.elapsed();
    }
    while started.elapsed() < LOOKED_ON {
        let now = scribe.now();
        if scribe.with(|history| is_settled(history, healed, now)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

impl Played {
    /// Fails with everything that is needed to play it again and to understand it.
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

    /// A line about what was done.
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
