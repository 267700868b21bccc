//! SQLite: one connection that writes, a few that read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::health::WriteHealth;
use super::witness::Witness;
use super::writer::Writer;
use super::{StorageConfig, StorageError};

/// How many rows the SQLite thread may read ahead of the consumer.
const ROWS_AHEAD: usize = 512;
/// How long a statement waits for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause before another attempt to open a file that another process is changing.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

pub struct Sqlite {
    pub file: PathBuf,
    pub reader: DatabaseConnection,
    pub writer: Writer,
    pub health: WriteHealth,
}

/// Opens the file, creating it.
pub async fn open(url: &str, config: &StorageConfig) -> Result<Sqlite, StorageError> {
    let options: SqliteConnectOptions = url
        .parse()
        .map_err(|error: sqlx::Error| StorageError::Config(error.to_string()))?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Keeps an import's hot pages in memory and checkpoints the WAL less often.
        .pragma("cache_size", "-16384")
        .pragma("wal_autocheckpoint", "4000")
        // Keeps savepoint and statement journals in memory instead of a file.
        .pragma("temp_store", "MEMORY")
        .row_buffer_size(ROWS_AHEAD)
        .busy_timeout(PATIENCE)
        .foreign_keys(true);
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    let file = options.get_filename().to_owned();
    let witness = Witness::default();
    let writer = connect(&witness, &options).await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(config.max_connections.clamp(1, 4))
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned());
    let health = WriteHealth::new(name.unwrap_or_default());
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    Ok(Sqlite {
        file,
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
        writer: Writer::start(writer, witness, health.clone()),
        health,
    })
}

/// Connects the writer. Processes that open a new file at the same time contend for its switch to WAL mode, where
/// SQLite returns SQLITE_BUSY at once instead of waiting for `busy_timeout`.
async fn connect(witness: &Witness, options: &SqliteConnectOptions) -> Result<SqlitePool, StorageError> {
    let begun = Instant::now();
    loop {
        match writer_pool(witness).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            connected => return connected.map_err(|error| StorageError::Unavailable(Arc::new(error))),
        }
    }
}

/// SQLITE_BUSY, whatever its extended code.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

/// One connection with a [`Witness`]. If its last transaction was not seen to end, the connection is closed and
/// replaced before the next transaction.
fn writer_pool(witness: &Witness) -> SqlitePoolOptions {
    let (new, used) = (witness.clone(), witness.clone());
    SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(2 * PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        // The witness is consulted instead.
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let witness = new.clone();
            Box::pin(async move { witness.watch(connection).await })
        })
        .before_acquire(move |_, _| {
            let is_trusted = used.is_trusted();
            if !is_trusted {
                tracing::warn!("a connection to SQLite whose last transaction was not seen to end is closed");
                metrics::counter!("lutong_storage_discarded_connections_total").increment(1);
            }
            Box::pin(async move { Ok(is_trusted) })
        })
}
