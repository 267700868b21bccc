//! Observes the writer's transactions through SQLite's own hooks: whether a commit really happened, and whether the
//! engine rolled back on its own.
//!
//! After `SQLITE_FULL`, `IOERR`, `NOMEM`, `BUSY` and `INTERRUPT` the engine may have ended the transaction while the
//! driver still counts one (<https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>).
//! Every later "transaction" of that connection would then be a savepoint that nothing commits, or a series of
//! autocommitted statements. So the writer trusts the engine's commit and rollback hooks, never the driver's count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::SqliteConnection;

use lutong_failpoint::Broken;

/// Cheap to clone; one per writer.
#[derive(Clone, Default)]
pub struct Witness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether the writer is committing. The commit hook turns any other commit into a rollback.
    may_commit: AtomicBool,
    commits: AtomicU64,
    rollbacks: AtomicU64,
    /// Whether the connection may still be in a transaction.
    doubted: AtomicBool,
}

/// The number of rollbacks when a transaction began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Witness {
    /// Installs the hooks on a new connection.
    pub async fn watch(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut handle = connection.lock_handle().await?;
        let inner = Arc::clone(&self.0);
        handle.set_commit_hook(move || {
            let allowed = inner.may_commit.load(Ordering::SeqCst) || trusts_driver();
            if allowed {
                inner.commits.fetch_add(1, Ordering::SeqCst);
            }
            allowed
        });
        let inner = Arc::clone(&self.0);
        handle.set_rollback_hook(move || {
            inner.rollbacks.fetch_add(1, Ordering::SeqCst);
        });
        self.0.doubted.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Whether the connection's last transaction was seen to end.
    pub fn is_trusted(&self) -> bool {
        !self.0.doubted.load(Ordering::SeqCst) || trusts_driver()
    }

    /// Marks the connection as in a transaction, until [`Self::saw_commit`] or [`Self::saw_rollback`].
    pub fn begin(&self) -> Mark {
        self.0.doubted.store(true, Ordering::SeqCst);
        Mark(self.0.rollbacks.load(Ordering::SeqCst))
    }

    /// Whether the transaction begun at `mark` is still open.
    pub fn is_intact(&self, mark: Mark) -> bool {
        self.0.rollbacks.load(Ordering::SeqCst) == mark.0 || trusts_driver()
    }

    /// Allows commits while `commit` runs; returns whether the engine committed exactly once.
    pub async fn saw_commit<E>(
        &self,
        mark: Mark,
        commit: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, E> {
        let before = self.0.commits.load(Ordering::SeqCst);
        self.0.may_commit.store(true, Ordering::SeqCst);
        let ended = commit.await;
        self.0.may_commit.store(false, Ordering::SeqCst);
        ended?;
        let committed = self.0.commits.load(Ordering::SeqCst) == before + 1 && self.is_intact(mark);
        self.0.doubted.store(!committed, Ordering::SeqCst);
        Ok(committed || trusts_driver())
    }

    /// Runs `rollback`; returns whether it ended the transaction, and the engine had not ended it before.
    pub async fn saw_rollback<E>(
        &self,
        mark: Mark,
        rollback: impl Future<Output = Result<(), E>>,
    ) -> Result<bool, E> {
        rollback.await?;
        let rolled_back = self.0.rollbacks.load(Ordering::SeqCst) == mark.0 + 1;
        self.0.doubted.store(!rolled_back, Ordering::SeqCst);
        Ok(rolled_back || trusts_driver())
    }
}

/// Injected fault that the storage tests must detect: trusting the driver's transaction count.
fn trusts_driver() -> bool {
    lutong_failpoint::broken(Broken::UnprovedCommit)
}
