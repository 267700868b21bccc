//! Databases that are asked on a schedule: who is due, who is overdue, and asking one at once.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_chassis::operations::{Kind, Operation, State, store as operations};
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, FaultCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::declaring::Declaring;
use crate::config::PullSource;
use crate::domain::pull::{PullFailure, is_overdue, next_due, overdue_from};
use crate::store::pulls::{self, Pull, Refusal};

/// Between two looks for a source that is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a worker has a source for itself, from page to page. One that died is followed after that.
pub(super) const LEASE: Duration = Duration::from_secs(120);

/// Asks the configured databases; cheap to clone.
#[derive(Clone)]
pub struct Puller {
    pub(super) declaring: Declaring,
    sources: Arc<Vec<PullSource>>,
    woken: Arc<Notify>,
}

/// A source as configured and as it stands; the latter is absent before the first look.
pub struct Standing<'a> {
    pub source: &'a PullSource,
    pub pull: Option<Pull>,
    pub refusals: Vec<Refusal>,
    pub running: bool,
    /// Absent before the first look.
    pub waits: Option<Waits>,
}

/// For how long a source has been waiting for a success.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    pub since: Timestamp,
    pub due: Timestamp,
    pub is_overdue: bool,
}

impl Puller {
    pub fn new(declaring: Declaring, sources: Vec<PullSource>) -> Self {
        Self {
            declaring,
            sources: Arc::new(sources),
            woken: Arc::default(),
        }
    }

    /// Sources in the order of their names, and the token of the next page.
    pub async fn list(&self, page: &Page) -> Result<(Vec<Standing<'_>>, String), Fault> {
        let after = page.after.as_deref();
        let mut sources: Vec<_> = self.sources.iter().collect();
        sources.sort_by_key(|source| &source.grant.source);
        sources.retain(|source| after.is_none_or(|after| source.grant.source.as_bytes() > after));
        let (sources, next) = page.cut(sources, |last| last.grant.source.as_bytes().to_vec())?;
        let mut standing = Vec::with_capacity(sources.len());
        for source in sources {
            standing.push(self.standing(source).await?);
        }
        Ok((standing, next))
    }

    pub async fn get(&self, name: &str) -> Result<Standing<'_>, Fault> {
        self.standing(self.source(name)?).await
    }

    fn source(&self, name: &str) -> Result<&PullSource, Fault> {
        let source = self.sources.iter().find(|one| one.grant.source == name);
        source.ok_or_else(not_found)
    }

    async fn standing<'a>(&self, source: &'a PullSource) -> Result<Standing<'a>, Fault> {
        let reader = self.declaring.database.reader();
        let now = self.declaring.clock.now();
        let pull = pulls::find(reader, &source.grant.source).await?;
        Ok(Standing {
            refusals: pulls::refusals(reader, &source.grant.source).await?,
            running: pull.as_ref().is_some_and(|pull| pull.leased_until > now),
            waits: pull.as_ref().map(|pull| source.waits(pull, now)),
            source,
            pull,
        })
    }

    /// Makes a source due now, as an operation; a repeated request does not do so again. One that is queued already is answered:
    /// nobody has begun it, so it asks for everything that is new now.
    pub async fn start(
        &self,
        request: RequestKey,
        account: &str,
        name: &str,
    ) -> Result<(Standing<'_>, Uuid), Fault> {
        let source = self.source(name)?;
        let (name, now) = (name.to_owned(), self.declaring.clock.now());
        let new = Operation {
            state: State::Queued,
            ..Operation::begin(
                Kind::Pull,
                account,
                pulls::name(&name),
                (now, &*self.declaring.random),
            )
        };
        let queued: Result<Uuid, Fault> = self
            .declaring
            .database
            .write(move |transaction| {
                async move {
                    pulls::begin(transaction, &name, now).await?;
                    let known = operations::queued_of(transaction, (Kind::Pull, &new.target)).await?;
                    let id = known.as_ref().map_or(new.id, |known| known.id);
                    match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                        Claim::Replay(answer) => Ok(Uuid::from_slice(&answer).map_err(damaged)?),
                        Claim::Fresh => {
                            if known.is_none() {
                                operations::insert(transaction, &new).await?;
                            }
                            pulls::make_due(transaction, &name, now).await?;
                            Ok(id)
                        }
                    }
                }
                .boxed()
            })
            .await;
        let queued = queued?;
        self.woken.notify_waiters();
        Ok((self.standing(source).await?, queued))
    }

    /// Asks each source when it is due, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        join_all(self.sources.iter().map(|source| self.attend(source, &stop))).await;
    }

    async fn attend(&self, source: &PullSource, stop: &CancellationToken) {
        let name = &*source.grant.source;
        loop {
            let woken = self.woken.notified();
            if let Err(fault) = self.look(source, stop).await {
                tracing::warn!(source = name, %fault, "a source could not be looked at; the next look catches up");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = woken => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn look(&self, source: &PullSource, stop: &CancellationToken) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let pull = match pulls::find(self.declaring.database.reader(), name).await? {
            Some(pull) => pull,
            None => self.begin(name).await?,
        };
        let now = self.declaring.clock.now();
        let is_due = pull.next_due_at <= now && pull.leased_until <= now;
        let pull = if is_due {
            self.attempt(source, stop).await?;
            let after = pulls::find(self.declaring.database.reader(), name).await?;
            after.unwrap_or(pull)
        } else {
            pull
        };
        self.watch(source, &pull).await
    }

    async fn begin(&self, name: &str) -> Result<Pull, Fault> {
        let (source, now) = (name.to_owned(), self.declaring.clock.now());
        self.write(move |transaction| async move { pulls::begin(transaction, &source, now).await }.boxed())
            .await?;
        let begun = pulls::find(self.declaring.database.reader(), name).await?;
        begun.ok_or_else(Fault::internal)
    }

    /// Asks a source if nobody else does, and notes how that went.
    async fn attempt(&self, source: &PullSource, stop: &CancellationToken) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let owner = Uuid::from_bytes(self.declaring.random.bytes::<16>()).to_string();
        if !self.lease(name, &owner).await? {
            return Ok(());
        }
        // Under the lease: whoever had it before has moved the cursor.
        let begun = pulls::find(self.declaring.database.reader(), name).await?;
        let begun = begun.ok_or_else(Fault::internal)?;
        let ended = tokio::select! {
            ended = self.pull(source, &owner, begun.cursor) => ended,
            // Whoever takes over need not wait for the lease to run out.
            () = stop.cancelled() => Err(PullFailure::stopped()),
        };
        count_attempt(name, &ended);
        if let Err(failure) = &ended {
            let PullFailure { reason, en, .. } = failure;
            tracing::warn!(source = name, %reason, "a database could not be asked to the end: {en}");
        }
        self.finish(source, owner, ended).await
    }

    async fn lease(&self, name: &str, owner: &str) -> Result<bool, Fault> {
        let now = self.declaring.clock.now();
        let (name, owner, term) = (name.to_owned(), owner.to_owned(), (now, now.plus(LEASE)));
        self.write(move |transaction| {
            async move { pulls::lease(transaction, &name, &owner, term).await }.boxed()
        })
        .await
    }

    async fn finish(
        &self,
        source: &PullSource,
        owner: String,
        ended: Result<(), PullFailure>,
    ) -> Result<(), Fault> {
        let now = self.declaring.clock.now();
        let due = next_due(now, source.interval, ended.is_ok());
        let went_well = ended.is_ok();
        let name = source.grant.source.clone();
        let was_overdue = self.write(move |transaction| {
            async move { pulls::finish(transaction, (&name, &owner), ended, (now, due)).await }.boxed()
        });
        if was_overdue.await? == Some(true) && went_well {
            let source = &*source.grant.source;
            tracing::info!(source, "a database is up to date again");
        }
        Ok(())
    }

    /// Says once, whichever replica is first, that a source is overdue.
    async fn watch(&self, source: &PullSource, pull: &Pull) -> Result<(), Fault> {
        let name = &*source.grant.source;
        let now = self.declaring.clock.now();
        let since = now.since(pull.waiting_since());
        let labels = [("source", name.to_owned())];
        metrics::gauge!("lutong_pull_since_success_seconds", &labels).set(since.as_secs_f64());
        metrics::gauge!("lutong_pull_interval_seconds", &labels).set(source.interval.as_secs_f64());
        if !source.is_overdue(pull, now) || pull.overdue_at.is_some() {
            return Ok(());
        }
        let noting = name.to_owned();
        let first = self.write(move |transaction| {
            async move { pulls::note_overdue(transaction, &noting, now).await }.boxed()
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

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, Fault>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> futures::future::BoxFuture<'t, Result<T, StorageError>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        Ok(self.declaring.database.write(work).await?)
    }
}

impl PullSource {
    fn waits(&self, pull: &Pull, now: Timestamp) -> Waits {
        Waits {
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
    /// The last success, or when the source was new.
    fn waiting_since(&self) -> Timestamp {
        self.last_success_at.unwrap_or(self.created_at)
    }
}

fn count_attempt(source: &str, ended: &Result<(), PullFailure>) {
    let outcome = ended.as_ref().err().map_or("OK", |failure| &failure.reason);
    let labels = [("source", source.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("lutong_pull_attempts_total", &labels).increment(1);
}

fn damaged(_: uuid::Error) -> StorageError {
    StorageError::Damaged("the answer of a request".to_owned())
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PULL_NOT_FOUND",
        "没有配置该数据源",
        "no such source is configured",
    )
}
