//! SQLite's one writer: closures that wait together are committed together.
//!
//! Each closure runs under a savepoint. Between two closures one combined statement (`RELEASE …; SAVEPOINT …`) goes to
//! the driver's thread, so a closure costs one round trip more than it would alone, not two.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::{mpsc, oneshot};

use super::error::StorageError;

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
    pub fn start(connection: DatabaseConnection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, jobs));
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
        let stopped = || E::from(StorageError::Unavailable("the writer has stopped".into_arc()));
        self.queue.send(Box::new(job)).await.map_err(|_| stopped())?;
        result.await.unwrap_or_else(|_| Err(stopped()))
    }
}

trait IntoArcError {
    fn into_arc(self) -> std::sync::Arc<dyn std::error::Error + Send + Sync>;
}

impl IntoArcError for &'static str {
    fn into_arc(self) -> std::sync::Arc<dyn std::error::Error + Send + Sync> {
        std::sync::Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(self))
    }
}

async fn run(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = jobs.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        let committed = commit(&connection, &mut batch).await;
        if let Err(error) = &committed {
            tracing::error!(%error, writes = batch.len(), "a batch of writes was not committed");
        }
        for job in batch {
            job.finish(committed.clone());
        }
    }
}

async fn commit(connection: &DatabaseConnection, batch: &mut [Box<dyn Job>]) -> Result<(), StorageError> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = connection.begin_with_options(options).await?;
    // A lone closure needs no savepoint: undoing it is undoing the transaction.
    if let [only] = batch {
        return if only.run(&transaction).await {
            Ok(transaction.commit().await?)
        } else {
            Ok(transaction.rollback().await?)
        };
    }
    transaction.execute_unprepared("SAVEPOINT job").await?;
    for job in batch {
        let next = if job.run(&transaction).await {
            "RELEASE job; SAVEPOINT job"
        } else {
            "ROLLBACK TO job"
        };
        transaction.execute_unprepared(next).await?;
    }
    Ok(transaction.commit().await?)
}
