//! Runs over everyone: begun daily or on request, reported and listed. The work on a run is in `running`.

mod comparison;
pub mod running;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Operation, store as operations};
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, Colour, DecisionId, Fault, LocalDay, Random, SubjectId};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use lutong_transport::access::AnyPermit;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use uuid::Uuid;

use super::domain::FindingKind;
use super::store::findings::{self, Finding};
use super::store::parts::{self, Progress};
use super::store::{self as recomparisons, Run};
use crate::basis::service::BasisBook;
use crate::fault;
use crate::subjects::store::{rosters, scan};

/// A run with its progress and its findings.
#[derive(Debug, Clone)]
pub struct RunReport {
    pub run: Run,
    pub progress: Progress,
    pub counts: Vec<(FindingKind, Colour, Colour, i64)>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Running,
    Complete,
    Incomplete,
    Cancelled,
}

/// How a request names a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunName {
    Latest,
    Id(Uuid),
}

impl RunReport {
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

    /// Whether the run is finished and compared every subject exactly once that was enrolled when it began.
    pub fn is_complete(&self) -> bool {
        self.run.finished_at.is_some() && self.progress.coverage.seen == self.run.expected
    }
}

/// Begins and reads runs. Cheap to clone.
#[derive(Clone)]
pub struct Recomparisons {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    book: BasisBook,
    /// Wakes the workers when a run begins.
    begun: Arc<Notify>,
}

impl Recomparisons {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        book: BasisBook,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            book,
            begun: Arc::default(),
        }
    }

    /// Begins a run of the service itself and returns its number.
    pub async fn begin(&self) -> Result<i64, Fault> {
        self.book.ready().await?;
        let this = self.clone();
        let begun = self
            .database
            .write(move |transaction| async move { this.begin_in(transaction, None, "").await }.boxed());
        let (run, _) = begun.await?;
        self.begun.notify_waiters();
        Ok(run)
    }

    /// Begins the run of a day, unless the day has one.
    pub async fn begin_of_day(&self, day: LocalDay) -> Result<(), Fault> {
        self.book.ready().await?;
        let this = self.clone();
        let begun = self.database.write(move |transaction| {
            async move {
                // Locked, so that another process does not begin the same run.
                this.book.exclusive(transaction).await?;
                if !recomparisons::is_begun_on(transaction, day).await? {
                    this.begin_in(transaction, Some(day), "").await?;
                }
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        begun.await
    }

    /// Begins a run on request, with its operation. Repeating the request has no effect.
    pub async fn start(&self, account: &str, request: RequestKey) -> Result<(RunReport, Operation), Fault> {
        self.book.ready().await?;
        let (this, account) = (self.clone(), account.to_owned());
        let begun = self.database.write(move |transaction| {
            async move {
                if let Some(answer) = idempotency::stored_answer(transaction, &request).await? {
                    return Ok(idempotency::answered_id(&answer)?);
                }
                let (_, id) = this.begin_in(transaction, None, &account).await?;
                let now = this.clock.now();
                if idempotency::claim(transaction, &request, id.as_bytes(), now).await? != Claim::Fresh {
                    // A concurrent call with the same request has begun the run.
                    return Err(StorageError::Contended.into());
                }
                Ok::<_, Fault>(id)
            }
            .boxed()
        });
        let id = begun.await?;
        // After the commit: whoever is woken before it finds no run and looks again only after the interval.
        self.begun.notify_waiters();
        let name = recomparisons::name(id);
        let operation = operations::of_target(self.database.reader(), Kind::Recompare, &name).await?;
        let missing = || Fault::internal(format_args!("the run {id} has no operation"));
        let operation = operation.ok_or_else(missing)?;
        Ok((self.find(RunName::Id(id)).await?, operation))
    }

    /// Stores a run with its operation and returns its number and id.
    async fn begin_in(
        &self,
        transaction: &DatabaseTransaction,
        day: Option<LocalDay>,
        account: &str,
    ) -> Result<(i64, Uuid), Fault> {
        // Nobody is decided about or enrolled meanwhile, so that the roster is that of one instant.
        self.book.exclusive(transaction).await?;
        let roster = rosters::add_up(transaction).await?;
        let parts = scan::parts(transaction, self.database.engine()).await?;
        let now = self.clock.now();
        let id = DecisionId::new(now, &*self.random).uuid();
        let run = recomparisons::begin(transaction, id, (day, now), roster, &parts).await?;
        let begun = (self.clock.now(), &*self.random);
        let operation = Operation {
            total: i64::try_from(parts.len()).ok(),
            ..Operation::begin(Kind::Recompare, account, recomparisons::name(id), begun)
        };
        operations::insert(transaction, &operation).await?;
        tracing::info!(run, "a run over everyone begins");
        Ok((run, id))
    }

    pub async fn find(&self, name: RunName) -> Result<RunReport, Fault> {
        self.report_of(self.run_of(name).await?).await
    }

    async fn run_of(&self, name: RunName) -> Result<Run, Fault> {
        let reader = self.database.reader();
        let found = match name {
            RunName::Id(id) => recomparisons::find_by_id(reader, id).await?,
            RunName::Latest => recomparisons::latest(reader).await?,
        };
        found.ok_or_else(fault::decisions::recomparison_not_found)
    }

    async fn report_of(&self, run: Run) -> Result<RunReport, Fault> {
        let reader = self.database.reader();
        Ok(RunReport {
            progress: parts::progress(reader, run.number).await?,
            counts: findings::counts(reader, run.number).await?,
            run,
        })
    }

    /// A page of runs, the newest first, and the next page token.
    pub async fn list(&self, page: &Page) -> Result<(Vec<RunReport>, String), Fault> {
        let before = page.after_number()?;
        let found = recomparisons::list(self.database.reader(), before, page.limit()).await?;
        let (runs, token) = page.cut(found, |last| last.number.to_be_bytes().to_vec())?;
        let mut reports = Vec::with_capacity(runs.len());
        for run in runs {
            reports.push(self.report_of(run).await?);
        }
        Ok((reports, token))
    }

    /// A page of the findings of a run, ordered by subject, and the next page token.
    pub async fn findings(
        &self,
        permit: &AnyPermit,
        name: RunName,
        page: &Page,
    ) -> Result<(Vec<Finding>, String), Fault> {
        let after = page.after_id()?;
        let after = after.map(SubjectId::from_uuid);
        let run = self.run_of(name).await?.number;
        let reader = self.database.reader();
        let found = findings::list(reader, permit, run, after, page.limit()).await?;
        page.cut(found, |last| last.subject.uuid().as_bytes().to_vec())
    }

    /// Completes when a run begins.
    fn next_run(&self) -> tokio::sync::futures::Notified<'_> {
        self.begun.notified()
    }
}
