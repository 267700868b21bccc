//! Comparing everybody: daily and when asked for. A run is divided into parts that workers lease, is resumed after a kill,
//! and proves that it looked at each subject exactly once.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{Colour, DecisionId, Fault, FaultCode, LocalDay, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_transport::access::AnyPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::book::Basis;
use super::deciding::Decider;
use crate::domain::area::AreaBook;
use crate::domain::evaluate::Evaluator;
use crate::domain::packed::{self, PackedFact};
use crate::domain::recomparison::{Finding, Looked};
use crate::domain::rule_set::RuleSet;
use crate::store::recomparisons::{self, Found, Progress, Run};
use crate::store::rosters;
use crate::store::scan::{self, Part, ScannedRow};
use crate::store::subjects::facts_context;
use lutong_chassis::operations::{Ended, Kind, Operation, store as operations};

/// The daily run begins at this hour, Shandong time.
const DAILY_AT: Duration = Duration::from_secs(2 * 3_600);
/// Between two looks for a run to work on.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a worker has a part for itself. One that died is followed after that.
const LEASE: Duration = Duration::from_secs(120);
/// Subjects decided anew in one transaction.
const AT_ONCE: usize = 500;
const WITHIN: Duration = Duration::from_secs(10);

/// A run, how far it is and what it found.
#[derive(Debug, Clone)]
pub struct Report {
    pub run: Run,
    pub progress: Progress,
    pub counts: Vec<(Finding, Colour, Colour, i64)>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Running,
    Complete,
    Incomplete,
    Cancelled,
}

/// Which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Latest,
    Named(Uuid),
}

impl Report {
    pub fn state(&self) -> RunState {
        if self.run.is_cancelled {
            RunState::Cancelled
        } else if self.run.finished_at.is_none() {
            RunState::Running
        } else if self.is_complete() {
            RunState::Complete
        } else {
            RunState::Incomplete
        }
    }

    /// Finished, and everybody who was enrolled when it began was looked at exactly once.
    pub fn is_complete(&self) -> bool {
        self.run.finished_at.is_some() && self.progress.looked.seen == self.run.expected
    }
}

impl Decider {
    /// Begins a run in the service's own name; `None` when the day has its run already.
    pub async fn begin_recomparison(&self, day: Option<LocalDay>) -> Result<Option<i64>, Fault> {
        self.book.ready().await?;
        let this = self.clone();
        let begun = self
            .database
            .write(move |transaction| async move { this.begin_in(transaction, day, "").await }.boxed());
        let begun = begun.await?;
        Ok(begun.map(|(run, _)| run))
    }

    /// Begins a run that somebody asks for, once: the run and its operation.
    pub async fn start_recomparison(
        &self,
        account: &str,
        request: RequestKey,
    ) -> Result<(Report, Operation), Fault> {
        self.book.ready().await?;
        let (this, account) = (self.clone(), account.to_owned());
        let begun = self.database.write(move |transaction| {
            async move {
                if let Some(answer) = idempotency::earlier(transaction, &request).await? {
                    let damaged = |_| StorageError::Damaged("idempotency.answer".to_owned());
                    return Ok(Uuid::from_slice(&answer).map_err(damaged)?);
                }
                let begun = this.begin_in(transaction, None, &account).await?;
                // One without a day is never refused.
                let (_, id) = begun.ok_or_else(Fault::internal)?;
                let now = this.clock.now();
                if idempotency::claim(transaction, &request, id.as_bytes(), now).await? != Claim::Fresh {
                    // The same request at the same time: the other one began it.
                    return Err(StorageError::Contended.into());
                }
                Ok::<_, Fault>(id)
            }
            .boxed()
        });
        let id = begun.await?;
        let name = recomparisons::name(id);
        let operation = operations::of_target(self.database.reader(), Kind::Recompare, &name).await?;
        let operation = operation.ok_or_else(Fault::internal)?;
        Ok((self.recomparison(Which::Named(id)).await?, operation))
    }

    /// The number and id of the run that has begun, with its operation.
    async fn begin_in(
        &self,
        transaction: &DatabaseTransaction,
        day: Option<LocalDay>,
        account: &str,
    ) -> Result<Option<(i64, Uuid)>, Fault> {
        // Nobody decides or enrols meanwhile, so that the count is of one instant.
        self.book.alone(transaction).await?;
        let roster = rosters::add_up(transaction).await?;
        let parts = scan::parts(transaction, self.database.engine()).await?;
        let now = self.clock.now();
        let id = DecisionId::new(now, &*self.random).uuid();
        let begun = recomparisons::begin(transaction, id, (day, now), roster, &parts).await?;
        let Some(run) = begun else {
            return Ok(None);
        };
        let operation = Operation {
            total: i64::try_from(parts.len()).ok(),
            ..self.operation(Kind::Recompare, account, recomparisons::name(id))
        };
        operations::insert(transaction, &operation).await?;
        tracing::info!(run, "a run over everyone begins");
        self.runs.notify_waiters();
        Ok(Some((run, id)))
    }

    pub async fn recomparison(&self, which: Which) -> Result<Report, Fault> {
        self.report_of(self.run(which).await?).await
    }

    async fn run(&self, which: Which) -> Result<Run, Fault> {
        let reader = self.database.reader();
        let found = match which {
            Which::Named(id) => recomparisons::find_by_id(reader, id).await?,
            Which::Latest => recomparisons::latest(reader).await?,
        };
        found.ok_or_else(not_found)
    }

    async fn report_of(&self, run: Run) -> Result<Report, Fault> {
        let reader = self.database.reader();
        Ok(Report {
            progress: recomparisons::progress(reader, run.number).await?,
            counts: recomparisons::counts(reader, run.number).await?,
            run,
        })
    }

    /// A page of runs, the newest first, and the next page's token.
    pub async fn list_recomparisons(&self, page: &Page) -> Result<(Vec<Report>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(<[u8; 8]>::try_from).transpose();
        let before = before.map_err(damaged)?.map(i64::from_be_bytes);
        let found = recomparisons::list(self.database.reader(), before, page.limit()).await?;
        let (runs, token) = page.cut(found, |last| last.number.to_be_bytes().to_vec())?;
        let mut reports = Vec::with_capacity(runs.len());
        for run in runs {
            reports.push(self.report_of(run).await?);
        }
        Ok((reports, token))
    }

    /// A page of a run's findings by subject, and the next page's token.
    pub async fn findings(
        &self,
        permit: &AnyPermit,
        which: Which,
        page: &Page,
    ) -> Result<(Vec<Found>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let after = page.after.as_deref().map(Uuid::from_slice).transpose();
        let after = after.map_err(damaged)?.map(SubjectId::from_uuid);
        let run = self.run(which).await?.number;
        let reader = self.database.reader();
        let found = recomparisons::findings(reader, permit, run, after, page.limit()).await?;
        page.cut(found, |last| last.subject.uuid().as_bytes().to_vec())
    }

    /// Works on a run until no part is free: the parts that this worker has done.
    async fn work_on(&self, run: &Run) -> Result<usize, Fault> {
        let owner = Uuid::from_bytes(self.random.bytes::<16>()).to_string();
        let mut done = 0;
        while self.goes_on(run).await?
            && let Some(part) = self.lease(run, &owner).await?
        {
            let looked = self.compare_part(run, &part).await?;
            let (owner, run, now) = (owner.clone(), run.clone(), self.clock.now());
            let counted = self.database.write(move |transaction| {
                async move {
                    let (number, part) = (run.number, part.number);
                    let counted =
                        recomparisons::finish_part(transaction, number, part, &owner, &looked, now).await?;
                    if counted {
                        // Also when it was cancelled inside the part: then the run counts it, and so does its operation.
                        let of_run = operations::of_target(transaction, Kind::Recompare, &run.name()).await?;
                        if let Some(operation) = of_run {
                            operations::add_done(transaction, operation.id, 1).await?;
                        }
                    }
                    Ok(counted)
                }
                .boxed()
            });
            let counted: Result<bool, StorageError> = counted.await;
            done += usize::from(counted?);
        }
        Ok(done)
    }

    /// Whether nobody has cancelled it.
    async fn goes_on(&self, run: &Run) -> Result<bool, Fault> {
        let stands = recomparisons::find(self.database.reader(), run.number).await?;
        Ok(stands.is_some_and(|run| run.finished_at.is_none()))
    }

    async fn lease(&self, run: &Run, owner: &str) -> Result<Option<Part>, Fault> {
        let (engine, run, owner) = (self.database.engine(), run.number, owner.to_owned());
        let now = self.clock.now();
        let leased = self.database.write(move |transaction| {
            async move {
                let term = (now, now.plus(LEASE));
                recomparisons::lease(transaction, engine, run, &owner, term).await
            }
            .boxed()
        });
        let leased: Result<_, StorageError> = leased.await;
        Ok(leased?)
    }

    /// Compares a part, then decides anew about whoever differed, under their locks: what has changed since the part
    /// was read says so then, and only what still differs is a finding.
    async fn compare_part(&self, run: &Run, part: &Part) -> Result<Looked, Fault> {
        let cipher = self.ready().await?;
        let basis = self.book.catch_up(self.database.reader()).await?;
        let comparison = Comparison::new(run, &basis, cipher)?;
        let compared = scan::read_part(
            &self.database,
            part,
            scan::Wanted::Comparison,
            comparison,
            |comparison, row| comparison.compare(&row),
        )
        .await?;
        for page in compared.differing.chunks(AT_ONCE) {
            let made = self.decide_again(page.to_vec(), Some(run.number)).await?;
            self.bring_into_force(&Call::background(WITHIN), &made).await;
        }
        Ok(compared.looked)
    }

    async fn finish(&self, run: &Run) -> Result<(), Fault> {
        let (now, id, target) = (self.clock.now(), run.number, run.name());
        let finished: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    recomparisons::finish(transaction, id, now).await?;
                    let ended = (Kind::Recompare, target.as_str());
                    operations::finish_of(transaction, ended, Ended::Succeeded, now).await
                }
                .boxed()
            })
            .await;
        finished?;
        let (report, run) = (self.recomparison(Which::Named(run.id)).await?, id);
        let found: i64 = report.counts.iter().map(|(.., count)| count).sum();
        let mismatches = report
            .counts
            .iter()
            .filter(|(finding, ..)| *finding == Finding::Mismatch);
        let mismatches: i64 = mismatches.map(|(.., count)| count).sum();
        let seen = report.progress.looked.seen.count;
        if report.is_complete() && mismatches == 0 {
            tracing::info!(run, seen, found, "a run over everyone is complete");
        } else {
            let complete = report.is_complete();
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
        metrics::gauge!("lutong_recomparison_complete").set(f64::from(u8::from(report.is_complete())));
        Ok(())
    }
}

/// What one part's comparison carries from row to row.
struct Comparison {
    run: Run,
    /// `rule_sets.number`.
    rules: i64,
    cipher: ReadyCipher,
    evaluator: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    plain: Vec<u8>,
    facts: Vec<PackedFact>,
    looked: Looked,
    differing: Vec<SubjectId>,
}

impl Comparison {
    fn new(run: &Run, basis: &Basis, cipher: ReadyCipher) -> Result<Self, StorageError> {
        let rules = basis.rules_at(run.evaluated_at)?;
        Ok(Self {
            run: run.clone(),
            rules: rules.number,
            cipher,
            evaluator: Evaluator::new(Arc::clone(&rules.set), Arc::clone(&basis.areas)),
            plain: Vec::new(),
            facts: Vec::new(),
            looked: Looked::default(),
            differing: Vec::new(),
        })
    }

    fn compare(&mut self, row: &ScannedRow<'_>) -> Result<(), StorageError> {
        // Whoever has enrolled since was decided about since.
        if row.roster.is_none_or(|roster| roster > self.run.roster) {
            return Ok(());
        }
        self.facts.clear();
        if let Some(sealed) = row.facts {
            let damaged = || StorageError::Damaged(format!("subjects.facts of {}", row.subject));
            self.cipher
                .decrypt_into(sealed, &facts_context(row.subject), &mut self.plain)
                .map_err(|_| damaged())?;
            packed::unpack(&self.plain, &mut self.facts).map_err(|_| damaged())?;
        }
        let at = self.run.evaluated_at.max(row.latest_at);
        let verdict = self.evaluator.verdict(&self.facts, at, at);
        self.looked.seen.add(row.subject.uuid().as_bytes());
        self.looked.count(verdict.colour);
        let stored = row.stored;
        if stored.verdict != verdict || stored.rule_set != self.rules {
            self.differing.push(row.subject);
        }
        Ok(())
    }
}

/// Begins the daily run when its hour has come, and works on what is begun, until `stop`.
pub async fn recompare(decider: Decider, workers: usize, stop: CancellationToken) {
    loop {
        let begun = decider.runs.notified();
        match look(&decider, workers).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => tracing::warn!(%fault, "the run over everyone waits; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = begun => {}
            () = stop.cancelled() => return,
        }
    }
}

/// `true` when there was something to do.
async fn look(decider: &Decider, workers: usize) -> Result<bool, Fault> {
    let now = decider.clock.now();
    let today = now.local_day();
    let reader = decider.database.reader();
    if now >= today.start().plus(DAILY_AT) && recomparisons::last_day(reader).await? < Some(today) {
        decider.begin_recomparison(Some(today)).await?;
    }
    let Some(run) = recomparisons::unfinished(reader).await? else {
        return Ok(false);
    };
    let work = (0..workers.max(1)).map(|_| {
        let (decider, run) = (decider.clone(), run.clone());
        tokio::spawn(async move { decider.work_on(&run).await })
    });
    let mut done = 0;
    for worker in futures::future::join_all(work.collect::<Vec<_>>()).await {
        done += worker.map_err(|_| Fault::internal())??;
    }
    let progress = recomparisons::progress(reader, run.number).await?;
    if progress.parts_done == progress.parts {
        decider.finish(&run).await?;
        return Ok(true);
    }
    // The rest is leased to others, or to those who died.
    Ok(done > 0)
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "RECOMPARISON_NOT_FOUND",
        "没有该次全量比对",
        "there is no such run over everyone",
    )
}
