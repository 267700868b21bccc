//! SQLite's one writer: closures that wait together are committed together.
//!
//! Each closure runs under a savepoint. Between two closures one combined statement (`RELEASE …; SAVEPOINT …`) goes to
//! the driver's thread, so a closure costs one round trip more than it would alone, not two.
//!
//! A commit is one when the engine says so ([`Witness`]); a batch whose transaction was lost fails whole, and the next one
//! has a new connection.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::{mpsc, oneshot};

use super::error::StorageError;
use super::health::WriteHealth;
use super::refusal::FirstRefusal;
use super::witness::{Mark, Witness};

/// Closures in one commit at the most.
const BATCH: usize = 256;
/// Closures waiting; more wait in `write`.
const QUEUE: usize = 4_096;

pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

trait Job: Send {
    /// Runs the closure; true when its writes are to stay.
    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool>;
    /// Answers the caller, who may have gone.
    fn finish(self: Box<Self>, committed: Result<(), StorageError>);
}

struct TypedJob<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for TypedJob<T, E, F>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            // Nobody waits any more: what was not acknowledged need not be done.
            let Some(work) = self.work.take().filter(|_| !self.answer.is_closed()) else {
                return false;
            };
            let run = AssertUnwindSafe(async { work(transaction).await }).catch_unwind();
            // A panic leaves `outcome` empty: the hook has logged it, and the caller gets an error.
            self.outcome = run.await.ok();
            matches!(self.outcome, Some(Ok(_)))
        })
    }

    fn finish(self: Box<Self>, committed: Result<(), StorageError>) {
        let Self { outcome, answer, .. } = *self;
        let result = match (outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            // Without an outcome it never ran: the transaction did not begin, or an earlier closure ended it.
            (Some(Ok(_)) | None, Err(error)) => Err(E::from(error)),
            (None, Ok(())) => Err(E::from(StorageError::unfinished())),
        };
        // The caller may have stopped waiting.
        let _ = answer.send(result);
    }
}

impl Writer {
    pub fn start(connection: DatabaseConnection, witness: Witness, health: WriteHealth) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let committer = Committer {
            connection,
            witness,
            health,
        };
        tokio::spawn(committer.run(jobs));
        Self { queue }
    }

    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job = TypedJob {
            work: Some(work),
            outcome: None,
            answer,
        };
        let stopped = || E::from(StorageError::unavailable("the writer has stopped"));
        self.queue.send(Box::new(job)).await.map_err(|_| stopped())?;
        result.await.unwrap_or_else(|_| Err(stopped()))
    }
}

/// The task that has the one connection.
struct Committer {
    connection: DatabaseConnection,
    witness: Witness,
    health: WriteHealth,
}

impl Committer {
    async fn run(self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = jobs.recv().await {
            let mut batch = vec![first];
            while batch.len() < BATCH {
                match jobs.try_recv() {
                    Ok(job) => batch.push(job),
                    Err(_) => break,
                }
            }
            let refusal = FirstRefusal::default();
            let committed = self.commit(&mut batch, &refusal).await;
            self.note(batch.len(), &committed, refusal.get());
            // Why the engine ended the transaction says more than that it did.
            let committed = committed
                .map(drop)
                .map_err(|error| refusal.get().unwrap_or(error));
            for job in batch {
                job.finish(committed.clone());
            }
        }
    }

    /// One transaction; the connection is doubted until the engine was seen to end it.
    async fn commit(
        &self,
        batch: &mut [Box<dyn Job>],
        refusal: &FirstRefusal,
    ) -> Result<Ended, StorageError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begun = self.connection.begin_with_options(options).await;
        let mark = self.witness.begin();
        let transaction = begun?;
        let is_kept = self.run_all(batch, &transaction, mark, refusal).await?;
        let (ended, was_seen) = if is_kept {
            let commit = self.witness.saw_commit(mark, transaction.commit());
            (Ended::Committed, commit.await?)
        } else {
            let rollback = self.witness.saw_rollback(mark, transaction.rollback());
            (Ended::RolledBack, rollback.await?)
        };
        if was_seen { Ok(ended) } else { Err(lost()) }
    }

    /// Whether anything is to be committed.
    async fn run_all(
        &self,
        batch: &mut [Box<dyn Job>],
        transaction: &DatabaseTransaction,
        mark: Mark,
        refusal: &FirstRefusal,
    ) -> Result<bool, StorageError> {
        // A lone closure needs no savepoint: undoing it is undoing the transaction.
        if let [only] = batch {
            let is_kept = refusal.watch(only.run(transaction)).await;
            return if self.witness.is_intact(mark) {
                Ok(is_kept)
            } else {
                Err(lost())
            };
        }
        transaction.execute_unprepared("SAVEPOINT job").await?;
        for job in batch {
            let is_kept = refusal.watch(job.run(transaction)).await;
            if !self.witness.is_intact(mark) {
                return Err(lost());
            }
            let next = if is_kept {
                "RELEASE job; SAVEPOINT job"
            } else {
                "ROLLBACK TO job"
            };
            transaction.execute_unprepared(next).await?;
        }
        Ok(true)
    }

    fn note(&self, writes: usize, committed: &Result<Ended, StorageError>, refusal: Option<StorageError>) {
        match (committed, refusal) {
            (Ok(Ended::Committed), _) => self.health.stored(),
            (Ok(Ended::RolledBack), Some(refusal)) => self.health.refused(&refusal),
            // What was to be stored was at fault.
            (Ok(Ended::RolledBack), None) => {}
            (Err(error), refusal) => {
                tracing::error!(%error, writes, "a batch of writes was not committed");
                self.health.refused(refusal.as_ref().unwrap_or(error));
            }
        }
    }
}

/// How a transaction ended.
enum Ended {
    Committed,
    RolledBack,
}

fn lost() -> StorageError {
    StorageError::unavailable("SQLite ended a transaction by itself")
}
