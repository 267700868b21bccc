//! PostgreSQL: a pool, and a commit that is one.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, SqlxPostgresConnector,
    TransactionTrait as _,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::health::WriteHealth;
use super::refusal::FirstRefusal;
use super::{StorageConfig, StorageError};
use lutong_failpoint::Broken;

/// A write finds its rows by key. A plan made while a table was empty stays prepared, and would go on scanning the table
/// sequentially as it grows within an import; an index lookup costs the same on an empty table. Set for the transaction and
/// not for the connection, so that reads and reports plan normally and a pooler between (PgBouncer) passes no settings on.
/// What can only be scanned has a cost then that would call for the JIT compiler.
const PLAN_BY_KEY: &str = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

/// A pool that connects when first needed, so that a server that is away makes the process not ready rather than fail.
pub fn open(url: &str, config: &StorageConfig) -> Result<(DatabaseConnection, WriteHealth), StorageError> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| StorageError::Config(error.to_string()))?;
    let health = WriteHealth::new(options.get_database().unwrap_or_default().to_owned());
    let options = options.application_name("lutong");
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .connect_lazy_with(options);
    Ok((SqlxPostgresConnector::from_sqlx_postgres_pool(pool), health))
}

/// Runs `work` in a transaction of its own and answers after its commit.
pub async fn write<T, E, F>(pool: &DatabaseConnection, health: &WriteHealth, work: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    E: From<StorageError>,
{
    let refusal = FirstRefusal::default();
    let noted = |error: DbErr| {
        let error = StorageError::from(error);
        if error.is_refusal() {
            health.refused(&error);
        }
        E::from(error)
    };
    let transaction = pool.begin().await.map_err(noted)?;
    transaction.execute_unprepared(PLAN_BY_KEY).await.map_err(noted)?;
    // A panic ends this write, and not the task that waits for it.
    let run = AssertUnwindSafe(async { work(&transaction).await }).catch_unwind();
    let value = match refusal.watch(run).await {
        Ok(Ok(value)) => value,
        failed => {
            if let Some(error) = refusal.get() {
                health.refused(&error);
            }
            return failed.unwrap_or_else(|_panic| Err(E::from(StorageError::unfinished())));
        }
    };
    prove_intact(&transaction).await.map_err(noted)?;
    transaction.commit().await.map_err(noted)?;
    health.stored();
    Ok(value)
}

/// After a statement that failed, whatever its closure made of that, PostgreSQL answers COMMIT with ROLLBACK and no
/// error, which the driver takes for a commit. Any other statement fails then.
async fn prove_intact(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if lutong_failpoint::broken(Broken::UnprovedCommit) {
        return Ok(());
    }
    transaction.execute_unprepared("SELECT 1").await.map(drop)
}
