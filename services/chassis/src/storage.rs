//! One database a service, on SQLite or PostgreSQL, behind the same few words: read, write, migrate, ping.
//!
//! Writing on SQLite goes through one task that batches waiting closures into one transaction (group commit): one
//! fsync for many callers. On PostgreSQL each closure is an ordinary transaction.

mod arrays;
pub mod column;
mod error;
mod migrate;
mod one_of;
pub mod rows;
mod scan;
mod writer;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::Secret;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, SqlxPostgresConnector,
    SqlxSqliteConnector, TransactionTrait as _,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub use error::StorageError;
pub(crate) use migrate::LOCK as MIGRATION_LOCK;
pub use migrate::{is_current, migrate};
pub use one_of::one_of;
pub use scan::{CopyRow, SqliteRow};
use writer::Writer;

/// Rows that SQLite's thread may be ahead of who reads them.
const ROWS_AHEAD: usize = 512;

/// How PostgreSQL plans: once for each statement, which stays prepared, and by the index that there is for it, however
/// large the table was when its statistics were last taken. Told that a list has five hundred keys it would read a million
/// rows from end to end; told of an empty table it would go on to do so while that grows.
const PLANNING: [(&str, &str); 3] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    // What can only be read from end to end looks dear now, and is not worth a compiler.
    ("jit", "off"),
];

/// Where a service keeps its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `sqlite:///path/file.db`, or `postgres://user:password@host/database`.
    #[serde(serialize_with = "whether_set")]
    pub url: Secret<String>,
    /// Connections at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection, in milliseconds.
    pub acquire_timeout_ms: u64,
}

/// A default that was not set must read back as not set; a password must not be printed.
fn whether_set<S: serde::Serializer>(url: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if url.expose().is_empty() { "" } else { "***" })
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            url: Secret::new(String::new()),
            max_connections: 8,
            acquire_timeout_ms: 2_000,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A service's database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    reader: DatabaseConnection,
    writer: Option<Arc<Writer>>,
    /// SQLite's file, for reading it from end to end.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens SQLite's file, creating it; PostgreSQL is reached when first needed, so that one that is away makes the
    /// process not ready rather than fail.
    pub async fn connect(config: &StorageConfig) -> Result<Self, StorageError> {
        let url = config.url.expose();
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::sqlite(url, config).await,
            Some("postgres" | "postgresql") => Self::postgres(url, config),
            _ => Err(StorageError::Config(
                "storage.url begins with sqlite:// or postgres://".to_owned(),
            )),
        }
    }

    async fn sqlite(url: &str, config: &StorageConfig) -> Result<Self, StorageError> {
        let options: SqliteConnectOptions = url
            .parse()
            .map_err(|error: sqlx::Error| StorageError::Config(error.to_string()))?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Pages that an import touches again and again stay in memory, and the log is copied back less often.
            .pragma("cache_size", "-16384")
            .pragma("wal_autocheckpoint", "4000")
            // What a savepoint or a statement may have to undo stays in memory too, instead of a file.
            .pragma("temp_store", "MEMORY")
            .row_buffer_size(ROWS_AHEAD)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let file = options.get_filename().to_owned();
        let opened = |error: sqlx::Error| StorageError::Unavailable(Arc::new(error));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone())
            .await
            .map_err(opened)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(config.max_connections.clamp(1, 4))
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
        Ok(Self {
            engine: Engine::Sqlite,
            file: Some(file),
            reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
            writer: Some(Arc::new(Writer::start(writer))),
        })
    }

    fn postgres(url: &str, config: &StorageConfig) -> Result<Self, StorageError> {
        let options: PgConnectOptions = url
            .parse()
            .map_err(|error: sqlx::Error| StorageError::Config(error.to_string()))?;
        let options = options.application_name("lutong").options(PLANNING);
        let options = sqlx::ConnectOptions::disable_statement_logging(options);
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections.max(1))
            .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
            .connect_lazy_with(options);
        let reader = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self {
            engine: Engine::Postgres,
            reader,
            writer: None,
            file: None,
        })
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// For reading outside a transaction.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Runs `work` in a transaction and answers after its commit. An error or a panic of `work` undoes all that it
    /// wrote, and nothing of anybody else's; a panic is answered with an error. Not retried: the closure runs once.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        if let Some(writer) = &self.writer {
            return writer.write(work).await;
        }
        let transaction = self.reader.begin().await.map_err(StorageError::from)?;
        // As in the writer: a panic ends this write, and not the task that waits for it.
        let run = AssertUnwindSafe(async { work(&transaction).await }).catch_unwind();
        let value = run
            .await
            .unwrap_or_else(|_panic| Err(E::from(StorageError::unfinished())))?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(value)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.reader.execute_unprepared("SELECT 1").await?;
        Ok(())
    }
}
