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

/// How PostgreSQL plans: once for each statement, which stays prepared, and by the index that there is for it, however
/// large the table was when its statistics were last taken. Told that a list has five hundred keys it would read a million
/// rows from end to end; told of an empty table it would go on to do so while that grows.
const PLANNING: [(&str, &str); 3] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    // What can only be read from end to end looks dear now, and is not worth a compiler.
    ("jit", "off"),
];

/// A pool that connects when first needed, so that a server that is away makes the process not ready rather than fail.
pub fn open(url: &str, config: &StorageConfig) -> Result<(DatabaseConnection, WriteHealth), StorageError> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| StorageError::Config(error.to_string()))?;
    let health = WriteHealth::new(options.get_database().unwrap_or_default().to_owned());
    let options = options.application_name("lutong").options(PLANNING);
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
