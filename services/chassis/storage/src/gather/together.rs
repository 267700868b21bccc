//! Calls in one transaction where all of them are new, and each alone where not.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::Fault;
use sea_orm::DatabaseTransaction;

use super::{Apart, Gatherer};
use crate::{Database, Engine};

/// Calls of one transaction at the most.
const CALLS: usize = 256;
/// Transactions under way at once on PostgreSQL; SQLite has one writer, which gathers by itself.
const AT_ONCE: usize = 4;

/// A call that may share a transaction with others of its kind.
pub trait Together: Clone + Send + Sync + 'static {
    type Output: Send + 'static;

    /// Whether it is of those that can be done together at all.
    fn is_plain(&self) -> bool {
        true
    }

    /// All of `batch`, or nothing of it.
    fn together(
        transaction: &DatabaseTransaction,
        batch: Vec<Self>,
    ) -> BoxFuture<'_, Result<Vec<Self::Output>, Apart>>;

    fn alone(self, transaction: &DatabaseTransaction) -> BoxFuture<'_, Result<Self::Output, Fault>>;
}

impl<C: Together> Gatherer<C, Result<C::Output, Fault>> {
    /// Gathers calls into transactions of `database`; each gets an answer of its own.
    pub fn transactions(database: Database) -> Self {
        let at_once = match database.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => AT_ONCE,
        };
        Self::start(CALLS, at_once, move |batch| done(database.clone(), batch))
    }
}

async fn done<C: Together>(database: Database, batch: Vec<C>) -> Vec<Result<C::Output, Fault>> {
    if batch.len() > 1 && batch.iter().all(C::is_plain) {
        let together = batch.clone();
        let stored = database
            .write(move |transaction| C::together(transaction, together).boxed())
            .await;
        if let Ok(outputs) = stored {
            return outputs.into_iter().map(Ok).collect();
        }
    }
    let alone = batch
        .into_iter()
        .map(|one| database.write(move |transaction| one.alone(transaction)));
    futures::future::join_all(alone).await
}
