//! Migrations, each service's own, all or none, one process at a time.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, Statement};
use sea_orm_migration::MigratorTrait;

use super::{Database, Engine, StorageError, probe};

/// Any constant will do: each service has a database of its own.
const LOCK: i64 = 0x6c75_746f_6e67;

/// Brings the schema up to date. Processes that start together wait for each other: under an advisory lock on
/// PostgreSQL, in the writer's transaction on SQLite.
pub async fn migrate<M: MigratorTrait>(database: &Database) -> Result<(), StorageError> {
    let engine = database.engine();
    database
        .write(move |transaction| {
            async move {
                take_turn(transaction, engine).await?;
                apply::<M>(transaction, engine).await
            }
            .boxed()
        })
        .await
}

/// Waits until no other process migrates; until the transaction's end none does.
pub(crate) async fn take_turn(transaction: &DatabaseTransaction, engine: Engine) -> Result<(), StorageError> {
    if engine == Engine::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// Takes every step that is missing, in a transaction of the caller's.
pub(crate) async fn apply<M: MigratorTrait>(
    transaction: &DatabaseTransaction,
    engine: Engine,
) -> Result<(), StorageError> {
    M::up(transaction, None).await?;
    probe::create_table(transaction, engine).await
}

/// Whether every migration that this build knows has been applied; asked by readiness.
pub async fn is_current<M: MigratorTrait>(database: &Database) -> Result<bool, StorageError> {
    let count = Statement::from_string(
        database.backend(),
        "SELECT count(*) AS applied FROM seaql_migrations",
    );
    let Ok(Some(row)) = database.reader().query_one_raw(count).await else {
        database.ping().await?;
        return Ok(false);
    };
    let applied: i64 = row.try_get("", "applied")?;
    Ok(usize::try_from(applied).unwrap_or(0) >= M::migrations().len())
}
