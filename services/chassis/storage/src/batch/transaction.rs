//! Calls that share one transaction if all of them are new, and run one by one otherwise.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::Fault;
use sea_orm::DatabaseTransaction;

use super::{Batcher, NotBatchable};
use crate::{Database, Engine};

/// Maximum number of calls in one transaction.
const CALLS: usize = 256;
/// Concurrent transactions on PostgreSQL; SQLite has one writer, which batches by itself.
const AT_ONCE: usize = 4;

/// A call that may share a transaction with others of its kind.
pub trait BatchedCall: Clone + Send + Sync + 'static {
    type Output: Send + 'static;

    /// Whether this call may share a transaction at all.
    fn can_batch(&self) -> bool {
        true
    }

    /// Runs all of `batch`, or nothing.
    fn run_batch(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<Self::Output>, NotBatchable>>;

    fn run_one(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<Self::Output, Fault>>;
}

impl<C: BatchedCall> Batcher<C, Result<C::Output, Fault>> {
    /// Batches calls into transactions of `database`; each call gets its own answer.
    pub fn transactions(database: Database) -> Self {
        let at_once = match database.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => AT_ONCE,
        };
        Self::start(CALLS, at_once, move |batch| done(database.clone(), batch))
    }
}

async fn done<C: BatchedCall>(database: Database, batch: Vec<C>) -> Vec<Result<C::Output, Fault>> {
    if batch.len() > 1 && batch.iter().all(C::can_batch) {
        let together = batch.clone();
        let stored = database
            .write(move |transaction| C::run_batch(transaction, together).boxed())
            .await;
        if let Ok(outputs) = stored {
            return outputs.into_iter().map(Ok).collect();
        }
    }
    let alone = batch
        .into_iter()
        .map(|one| database.write(move |transaction| one.run_one(transaction)));
    futures::future::join_all(alone).await
}
