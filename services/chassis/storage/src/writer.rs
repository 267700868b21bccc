//! SQLite's single writer: waiting closures are committed together (group commit).
//!
//! Each closure runs under a savepoint. Between two closures one combined statement (`RELEASE …; SAVEPOINT …`) goes to
//! the driver's thread, so a closure costs one round trip more than it would alone, not two.
//!
//! A commit counts only when the engine confirms it ([`Witness`]). If a batch's transaction is lost, the whole batch
//! fails and the next one uses a new connection.

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

/// Maximum number of closures in one commit.
const BATCH: usize = 256;
/// Capacity of the queue; further callers wait in `write`.
const QUEUE: usize = 4_096;

pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

trait Job: Send {
    /// Runs the closure; `true` if its writes are to be kept.
    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool>;
    /// Answers the caller.
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
            // The caller is gone: what was never acknowledged need not be done.
            let Some(work) = self.work.take().filter(|_| !self.answer.is_closed()) else {
                return false;
            };
            let run = AssertUnwindSafe(async { work(transaction).await }).catch_unwind();
            // A panic leaves `outcome` empty; the panic hook has logged it and the caller gets an error.
            self.outcome = run.await.ok();
            matches!(self.outcome, Some(Ok(_)))
        })
    }

    fn finish(self: Box<Self>, committed: Result<(), StorageError>) {
        let Self { outcome, answer, .. } = *self;
        let result = match (outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            // Without an outcome the closure never ran: the transaction did not begin, or was lost before it.
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

/// The task that owns the connection.
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
            // The first refusal explains why the engine ended the transaction.
            let committed = committed
                .map(drop)
                .map_err(|error| refusal.get().unwrap_or(error));
            for job in batch {
                job.finish(committed.clone());
            }
        }
    }

    /// Runs one transaction; the connection is not trusted until the engine was seen to end it.
    async fn commit(
        &self,
        batch: &mut [Box<dyn Job>],
        refusal: &FirstRefusal,
    ) -> Result<TransactionEnd, StorageError> {
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
            (TransactionEnd::Committed, commit.await?)
        } else {
            let rollback = self.witness.saw_rollback(mark, transaction.rollback());
            (TransactionEnd::RolledBack, rollback.await?)
        };
        if was_seen {
            Ok(ended)
        } else {
            Err(transaction_lost())
        }
    }

    /// Runs every closure; returns whether there is anything to commit.
    async fn run_all(
        &self,
        batch: &mut [Box<dyn Job>],
        transaction: &DatabaseTransaction,
        mark: Mark,
        refusal: &FirstRefusal,
    ) -> Result<bool, StorageError> {
        // A single closure needs no savepoint: rolling it back rolls back the transaction.
        if let [only] = batch {
            let is_kept = refusal.watch(only.run(transaction)).await;
            return if self.witness.is_intact(mark) {
                Ok(is_kept)
            } else {
                Err(transaction_lost())
            };
        }
        transaction.execute_unprepared("SAVEPOINT job").await?;
        for job in batch {
            let is_kept = refusal.watch(job.run(transaction)).await;
            if !self.witness.is_intact(mark) {
                return Err(transaction_lost());
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

    fn note(
        &self,
        writes: usize,
        committed: &Result<TransactionEnd, StorageError>,
        refusal: Option<StorageError>,
    ) {
        match (committed, refusal) {
            (Ok(TransactionEnd::Committed), _) => self.health.stored(),
            (Ok(TransactionEnd::RolledBack), Some(refusal)) => self.health.refused(&refusal),
            // The closure failed because of its data, not the database.
            (Ok(TransactionEnd::RolledBack), None) => {}
            (Err(error), refusal) => {
                tracing::error!(%error, writes, "a batch of writes was not committed");
                self.health.refused(refusal.as_ref().unwrap_or(error));
            }
        }
    }
}

/// How a transaction ended.
enum TransactionEnd {
    Committed,
    RolledBack,
}

fn transaction_lost() -> StorageError {
    StorageError::unavailable("SQLite ended a transaction by itself")
}
