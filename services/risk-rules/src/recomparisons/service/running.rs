//! The work on runs. A run is divided into parts that workers lease; it is resumed after a crash, and proves that it compared every
//! subject exactly once.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Outcome, store as operations};
use lutong_kernel::{Clock, Fault, Random, SubjectId};
use lutong_storage::{Database, StorageError};
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::comparison::{Comparison, PartResult};
use super::{Recomparisons, RunName, RunReport};
use crate::basis::service::BasisBook;
use crate::decisions::domain::Decision;
use crate::decisions::service::deciding::{Decider, Redecision};
use crate::decisions::service::delivery::Delivery;
use crate::recomparisons::domain::{Coverage, FindingKind, classify};
use crate::recomparisons::store::findings::{self, Finding};
use crate::recomparisons::store::{self as recomparisons, Run, parts};
use crate::subjects::store::scan::{self, Part, ScanColumns};

/// The time of day (Shandong) at which the daily run begins.
const DAILY_AT: Duration = Duration::from_secs(2 * 3_600);
/// Interval between two checks for a run to process.
const INTERVAL: Duration = Duration::from_secs(1);
/// Duration of the lease of a part. The part of a crashed worker is leased again afterwards.
const LEASE: Duration = Duration::from_secs(120);
/// Number of subjects that are decided about in one transaction.
const PAGE: usize = 500;
/// Deadline of a call to code-rendering.
const DEADLINE: Duration = Duration::from_secs(10);

/// Processes runs. Cheap to clone.
#[derive(Clone)]
pub struct RecomparisonRunner {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    book: BasisBook,
    decider: Decider,
    delivery: Delivery,
    recomparisons: Recomparisons,
}

impl RecomparisonRunner {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        book: BasisBook,
        (decider, delivery): (Decider, Delivery),
        recomparisons: Recomparisons,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            book,
            decider,
            delivery,
            recomparisons,
        }
    }

    /// Begins the daily run at its time and processes runs with a number of workers, until `stop`.
    pub async fn run(self, workers: usize, stop: CancellationToken) {
        loop {
            let begun = self.recomparisons.next_run();
            match self.process(workers).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => tracing::warn!(%fault, "the run over everyone waits; it is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = begun => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Processes the oldest unfinished run; `false` if there was nothing to do.
    async fn process(&self, workers: usize) -> Result<bool, Fault> {
        let now = self.clock.now();
        let today = now.local_day();
        let reader = self.database.reader();
        if now >= today.start().plus(DAILY_AT) && recomparisons::last_day(reader).await? < Some(today) {
            self.recomparisons.begin_of_day(today).await?;
        }
        let Some(run) = recomparisons::unfinished(reader).await? else {
            return Ok(false);
        };
        let work = (0..workers.max(1)).map(|_| {
            let (this, run) = (self.clone(), run.clone());
            tokio::spawn(async move { this.work_on(&run).await })
        });
        let mut done = 0;
        for worker in futures::future::join_all(work.collect::<Vec<_>>()).await {
            done += worker.map_err(|_| Fault::internal("a worker of a run panicked or was cancelled"))??;
        }
        let progress = parts::progress(reader, run.number).await?;
        if progress.parts_done == progress.parts {
            self.finish(&run).await?;
            return Ok(true);
        }
        // The other parts are leased to workers of other processes or to crashed ones.
        Ok(done > 0)
    }

    /// Processes free parts of a run and returns their number.
    async fn work_on(&self, run: &Run) -> Result<usize, Fault> {
        let owner = Uuid::from_bytes(self.random.bytes::<16>()).to_string();
        let mut done = 0;
        while self.is_unfinished(run).await?
            && let Some(part) = self.lease(run, &owner).await?
        {
            let coverage = self.compare_part(run, &part).await?;
            done += usize::from(self.finish_part(run, &part, owner.clone(), coverage).await?);
        }
        Ok(done)
    }

    /// Stores the coverage of a part; `false` if another worker has finished it.
    async fn finish_part(
        &self,
        run: &Run,
        part: &Part,
        owner: String,
        coverage: Coverage,
    ) -> Result<bool, Fault> {
        let (run, part, now) = (run.clone(), part.number, self.clock.now());
        let counted: Result<bool, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let counted =
                        parts::finish_part(transaction, run.number, part, &owner, &coverage, now).await?;
                    if counted {
                        // Also if the run was cancelled during this part: the run counts the part, and so does its operation.
                        let of_run = operations::of_target(transaction, Kind::Recompare, &run.name()).await?;
                        if let Some(operation) = of_run {
                            operations::add_done(transaction, operation.id, 1).await?;
                        }
                    }
                    Ok(counted)
                }
                .boxed()
            })
            .await;
        Ok(counted?)
    }

    /// Whether the run is neither finished nor cancelled.
    async fn is_unfinished(&self, run: &Run) -> Result<bool, Fault> {
        let stored = recomparisons::find(self.database.reader(), run.number).await?;
        Ok(stored.is_some_and(|run| run.finished_at.is_none()))
    }

    async fn lease(&self, run: &Run, owner: &str) -> Result<Option<Part>, Fault> {
        let (engine, run, owner) = (self.database.engine(), run.number, owner.to_owned());
        let now = self.clock.now();
        let leased = self.database.write(move |transaction| {
            async move {
                let term = (now, now.plus(LEASE));
                parts::lease(transaction, engine, run, &owner, term).await
            }
            .boxed()
        });
        let leased: Result<_, StorageError> = leased.await;
        Ok(leased?)
    }

    /// Compares a part and decides again about differing subjects under their locks. Only subjects that still differ then become
    /// findings.
    async fn compare_part(&self, run: &Run, part: &Part) -> Result<Coverage, Fault> {
        let cipher = self.decider.ready().await?;
        let basis = self.book.catch_up(self.database.reader()).await?;
        let comparison = Comparison::new(run, &basis, cipher)?;
        let compared = scan::read_part(
            &self.database,
            part,
            ScanColumns::Comparison,
            comparison,
            |comparison, row| comparison.compare(&row),
        )
        .await?;
        let PartResult { coverage, differing } = compared.finish();
        for page in differing.chunks(PAGE) {
            let made = self.redecide(run.number, page.to_vec()).await?;
            self.delivery
                .bring_into_force(&Call::background(DEADLINE), &made)
                .await;
        }
        Ok(coverage)
    }

    /// Decides again about subjects and stores the findings in the same transaction.
    async fn redecide(&self, run: i64, subjects: Vec<SubjectId>) -> Result<Vec<Decision>, Fault> {
        let cipher = self.decider.ready().await?;
        let decider = self.decider.clone();
        let made = self.database.write(move |transaction| {
            async move {
                let redecision = decider.redecide(transaction, &cipher, &subjects).await?;
                findings::record(transaction, run, &findings_of(&redecision)?).await?;
                Ok::<_, Fault>(redecision.made)
            }
            .boxed()
        });
        let made = made.await?;
        self.decider.publish();
        Ok(made)
    }

    async fn finish(&self, run: &Run) -> Result<(), Fault> {
        let (now, id, target) = (self.clock.now(), run.number, run.name());
        let finished: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    recomparisons::finish(transaction, id, now).await?;
                    let ended = (Kind::Recompare, target.as_str());
                    operations::finish_of(transaction, ended, Outcome::Succeeded, now).await
                }
                .boxed()
            })
            .await;
        finished?;
        report(id, &self.recomparisons.find(RunName::Id(run.id)).await?);
        Ok(())
    }
}

/// The findings of new decisions.
fn findings_of(redecision: &Redecision) -> Result<Vec<Finding>, Fault> {
    let mut findings = Vec::new();
    for decision in &redecision.made {
        let Some(before) = redecision.before.get(&decision.subject) else {
            continue;
        };
        let at = decision.content.evaluated_at;
        findings.push(Finding {
            subject: decision.subject,
            kind: classify(*before, redecision.basis.rules_at(at)?.number, at),
            before: before.verdict.colour,
            after: decision.content.colour,
            version: decision.version,
        });
    }
    Ok(findings)
}

/// Reports a finished run to the log and the metrics.
fn report(run: i64, report: &RunReport) {
    let found: i64 = report.counts.iter().map(|(.., count)| count).sum();
    let mismatches = report
        .counts
        .iter()
        .filter(|(kind, ..)| *kind == FindingKind::Mismatch);
    let mismatches: i64 = mismatches.map(|(.., count)| count).sum();
    let seen = report.progress.coverage.seen.count;
    let complete = report.is_complete();
    if complete && mismatches == 0 {
        tracing::info!(run, seen, found, "a run over everyone is complete");
    } else {
        tracing::error!(
            run,
            seen,
            found,
            mismatches,
            complete,
            "a run over everyone found what must not be"
        );
    }
    let mismatches = u32::try_from(mismatches).unwrap_or(u32::MAX);
    metrics::gauge!("lutong_recomparison_mismatches").set(f64::from(mismatches));
    metrics::gauge!("lutong_recomparison_complete").set(f64::from(u8::from(complete)));
}
