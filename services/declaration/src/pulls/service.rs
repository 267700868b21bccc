//! Schedules pulls: which source is due, which is overdue, and starting a pull on request.

mod round;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_chassis::operations::{Kind, Operation, State, store as operations};
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, Timestamp};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::domain::{PullFailure, is_overdue, next_due, overdue_from};
use super::store::refusals::{self, Refusal};
use super::store::{self, Pull};
use crate::config::PullSource;
use crate::fault;
use crate::feeds::service::Feeds;

/// The interval at which a source is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The lease of a worker on a source, extended with every page. After that another worker continues.
const LEASE: Duration = Duration::from_secs(120);

/// Pulls the configured databases; cheap to clone.
#[derive(Clone)]
pub struct Puller {
    feeds: Feeds,
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sources: Arc<Vec<PullSource>>,
    woken: Arc<Notify>,
}

/// A source as configured, and its state.
pub struct PullStatus<'a> {
    pub source: &'a PullSource,
    /// Absent before the first check.
    pub pull: Option<Pull>,
    pub refusals: Vec<Refusal>,
    pub running: bool,
    /// Absent before the first check.
    pub wait: Option<SuccessWait>,
}

/// How long a source has been waiting for a success.
#[derive(Debug, Clone, Copy)]
pub struct SuccessWait {
    pub since: Timestamp,
    pub due: Timestamp,
    pub is_overdue: bool,
}

impl Puller {
    pub fn new(store: &Store, foundation: &Foundation, feeds: Feeds, sources: Vec<PullSource>) -> Self {
        Self {
            feeds,
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            sources: Arc::new(sources),
            woken: Arc::default(),
        }
    }

    /// Sources in the order of their names, and the token of the next page.
    pub async fn list(&self, page: &Page) -> Result<(Vec<PullStatus<'_>>, String), Fault> {
        let after = page.after(|last| Some(last.to_vec()))?;
        let mut sources: Vec<_> = self.sources.iter().collect();
        sources.sort_by_key(|source| &source.grant.source);
        sources.retain(|source| {
            after
                .as_deref()
                .is_none_or(|after| source.grant.source.as_bytes() > after)
        });
        let (sources, next) = page.cut(sources, |last| last.grant.source.as_bytes().to_vec())?;
        let mut listed = Vec::with_capacity(sources.len());
        for source in sources {
            listed.push(self.status(source).await?);
        }
        Ok((listed, next))
    }

    /// A source by its name.
    pub async fn get(&self, name: &str) -> Result<PullStatus<'_>, Fault> {
        self.status(self.source(name)?).await
    }

    fn source(&self, name: &str) -> Result<&PullSource, Fault> {
        let source = self.sources.iter().find(|one| one.grant.source == name);
        source.ok_or_else(fault::pull_not_found)
    }

    async fn status<'a>(&self, source: &'a PullSource) -> Result<PullStatus<'a>, Fault> {
        let reader = self.database.reader();
        let now = self.clock.now();
        let pull = store::find(reader, &source.grant.source).await?;
        Ok(PullStatus {
            refusals: refusals::list(reader, &source.grant.source).await?,
            running: pull.as_ref().is_some_and(|pull| pull.leased_until > now),
            wait: pull.as_ref().map(|pull| source.wait(pull, now)),
            source,
            pull,
        })
    }

    /// Makes a source due now, as an operation. A repeated request has no further effect. When an operation is queued already, it is the
    /// answer: it has not begun, so that it will pull everything that is new now.
    pub async fn start(
        &self,
        request: RequestKey,
        account: &str,
        name: &str,
    ) -> Result<(PullStatus<'_>, Uuid), Fault> {
        let source = self.source(name)?;
        let (name, now) = (name.to_owned(), self.clock.now());
        let new = Operation {
            state: State::Queued,
            ..Operation::begin(Kind::Pull, account, store::name(&name), (now, &*self.random))
        };
        let queued: Result<Uuid, Fault> = self
            .database
            .write(move |transaction| {
                async move {
                    store::begin(transaction, &name, now).await?;
                    let known = operations::queued_of(transaction, (Kind::Pull, &new.target)).await?;
                    let id = known.as_ref().map_or(new.id, |known| known.id);
                    match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                        Claim::Replay(answer) => Ok(Uuid::from_slice(&answer).map_err(damaged)?),
                        Claim::Fresh => {
                            if known.is_none() {
                                operations::insert(transaction, &new).await?;
                            }
                            store::make_due(transaction, &name, now).await?;
                            Ok(id)
                        }
                    }
                }
                .boxed()
            })
            .await;
        let queued = queued?;
        self.woken.notify_waiters();
        Ok((self.status(source).await?, queued))
    }

    /// Pulls each source when it is due, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        join_all(
            self.sources
                .iter()
                .map(|source| self.pull_when_due(source, &stop)),
        )
        .await;
    }

    async fn pull_when_due(&self, source: &PullSource, stop: &CancellationToken) {
        let name = &*source.grant.source;
        loop {
            let woken = self.woken.notified();
            if let Err(fault) = self.check(source, stop).await {
                tracing::warn!(source = name, %fault, "a source could not be checked; the next check catches up");
            }
            tokio::select! {
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
                () = woken => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn check(&self, source: &PullSource, stop: &CancellationToken) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let pull = match store::find(self.database.reader(), name).await? {
            Some(pull) => pull,
            None => self.begin(name).await?,
        };
        let now = self.clock.now();
        let is_due = pull.next_due_at <= now && pull.leased_until <= now;
        let pull = if is_due {
            self.attempt(source, stop).await?;
            let after = store::find(self.database.reader(), name).await?;
            after.unwrap_or(pull)
        } else {
            pull
        };
        self.report_overdue(source, &pull).await
    }

    async fn begin(&self, name: &str) -> Result<Pull, Fault> {
        let (source, now) = (name.to_owned(), self.clock.now());
        self.write(move |transaction| async move { store::begin(transaction, &source, now).await }.boxed())
            .await?;
        let begun = store::find(self.database.reader(), name).await?;
        begun.ok_or_else(|| no_row(name))
    }

    /// Pulls a source unless another worker does, and stores the outcome.
    async fn attempt(&self, source: &PullSource, stop: &CancellationToken) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let owner = Uuid::from_bytes(self.random.bytes::<16>()).to_string();
        if !self.lease(name, &owner).await? {
            return Ok(());
        }
        // Read again under the lease: its previous owner may have moved the cursor.
        let begun = store::find(self.database.reader(), name).await?;
        let begun = begun.ok_or_else(|| no_row(name))?;
        let ended = tokio::select! {
            ended = self.pull(source, &owner, begun.cursor) => ended,
            // Released, so that another worker need not wait until the lease expires.
            () = stop.cancelled() => Err(PullFailure::stopped()),
        };
        count_attempt(name, &ended);
        if let Err(failure) = &ended {
            let PullFailure {
                reason, en, cause, ..
            } = failure;
            tracing::warn!(source = name, %reason, cause, "a pull failed: {en}");
        }
        self.finish(source, owner, ended).await
    }

    async fn lease(&self, name: &str, owner: &str) -> Result<bool, Fault> {
        let now = self.clock.now();
        let (name, owner, term) = (name.to_owned(), owner.to_owned(), (now, now.plus(LEASE)));
        self.write(move |transaction| {
            async move { store::lease(transaction, &name, &owner, term).await }.boxed()
        })
        .await
    }

    async fn finish(
        &self,
        source: &PullSource,
        owner: String,
        ended: Result<(), PullFailure>,
    ) -> Result<(), Fault> {
        let now = self.clock.now();
        let due = next_due(now, source.interval, ended.is_ok());
        let succeeded = ended.is_ok();
        let name = source.grant.source.clone();
        let was_overdue = self.write(move |transaction| {
            async move { store::finish(transaction, (&name, &owner), ended, (now, due)).await }.boxed()
        });
        if was_overdue.await? == Some(true) && succeeded {
            let source = &*source.grant.source;
            tracing::info!(source, "a database is up to date again");
        }
        Ok(())
    }

    /// Logs once, from the first replica that notices, that a source is overdue.
    async fn report_overdue(&self, source: &PullSource, pull: &Pull) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let now = self.clock.now();
        let since = now.since(pull.waiting_since());
        let labels = [("source", name.to_owned())];
        metrics::gauge!("lutong_pull_since_success_seconds", &labels).set(since.as_secs_f64());
        metrics::gauge!("lutong_pull_interval_seconds", &labels).set(source.interval.as_secs_f64());
        if !source.is_overdue(pull, now) || pull.overdue_at.is_some() {
            return Ok(());
        }
        let marked = name.to_owned();
        let first = self.write(move |transaction| {
            async move { store::mark_overdue(transaction, &marked, now).await }.boxed()
        });
        if first.await? {
            let reason = pull.error.as_ref().map_or("", |failure| &failure.reason);
            let since_success_seconds = since.as_secs();
            tracing::error!(
                source = name,
                since_success_seconds,
                reason,
                "a database is overdue"
            );
        }
        Ok(())
    }

    async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> futures::future::BoxFuture<'t, Result<T, StorageError>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        Ok(self.database.write(work).await?)
    }
}

impl PullSource {
    fn wait(&self, pull: &Pull, now: Timestamp) -> SuccessWait {
        SuccessWait {
            since: pull.waiting_since(),
            due: overdue_from(pull.waiting_since(), self.interval),
            is_overdue: self.is_overdue(pull, now),
        }
    }

    fn is_overdue(&self, pull: &Pull, now: Timestamp) -> bool {
        is_overdue(now, pull.waiting_since(), self.interval)
    }
}

impl Pull {
    /// The last success or, before that, the creation of the source.
    fn waiting_since(&self) -> Timestamp {
        self.last_success_at.unwrap_or(self.created_at)
    }
}

fn count_attempt(source: &str, ended: &Result<(), PullFailure>) {
    let outcome = ended.as_ref().err().map_or("OK", |failure| &failure.reason);
    let labels = [("source", source.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("lutong_pull_attempts_total", &labels).increment(1);
}

fn no_row(source: &str) -> Fault {
    Fault::internal(format_args!(
        "the source {source} has no row in the table of pulls"
    ))
}

fn damaged(_: uuid::Error) -> StorageError {
    StorageError::Damaged("the answer of a request".to_owned())
}
