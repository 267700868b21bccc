#![doc = include_str!("../README.md")]

pub mod advisory;
mod arrays;
pub mod batch;
pub mod cell;
pub mod column;
pub mod crypto;
mod error;
mod health;
pub mod idempotency;
pub mod installation;
mod one_of;
pub mod outbox;
mod postgres;
mod probe;
mod refusal;
pub mod rows;
mod scan;
mod schema;
mod sqlite;
pub mod steps;
mod witness;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use lutong_kernel::Secret;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction};
use serde::{Deserialize, Serialize};

pub use error::StorageError;
use health::WriteHealth;
pub use one_of::one_of;
pub use scan::{CopyRow, SqliteRow};
pub use schema::{Schema, Step, is_current};
pub(crate) use schema::{apply, lock_migrations};
use writer::Writer;

/// Where a service keeps its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `sqlite:///path/file.db`, or `postgres://user:password@host/database`.
    #[serde(serialize_with = "whether_set")]
    pub url: Secret<String>,
    /// Maximum number of connections.
    pub max_connections: u32,
    /// How long a caller waits for a connection, in milliseconds.
    pub acquire_timeout_ms: u64,
}

/// Prints no password, and an empty URL as empty, so that an unset value reads back as unset.
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

impl Engine {
    /// The type of a column of bytes.
    const fn bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }
}

/// A service's database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
    reader: DatabaseConnection,
    writer: Option<Arc<Writer>>,
    /// SQLite's file, for full scans on a connection of their own.
    file: Option<PathBuf>,
    health: WriteHealth,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens or creates SQLite's file. PostgreSQL is connected on first use, so that an unreachable server makes the
    /// process not ready instead of failing its start.
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
        let sqlite::Sqlite {
            file,
            reader,
            writer,
            health,
        } = sqlite::open(url, config).await?;
        Ok(Self {
            engine: Engine::Sqlite,
            reader,
            writer: Some(Arc::new(writer)),
            file: Some(file),
            health,
        })
    }

    fn postgres(url: &str, config: &StorageConfig) -> Result<Self, StorageError> {
        let (reader, health) = postgres::open(url, config)?;
        Ok(Self {
            engine: Engine::Postgres,
            reader,
            writer: None,
            file: None,
            health,
        })
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// For reading outside a transaction.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Runs `work` in a transaction and returns after its commit. An error or panic of `work` rolls back its own writes
    /// and nobody else's; a panic is returned as an error. The closure runs once and is not retried.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(work).await,
            None => postgres::write(&self.reader, &self.health, work).await,
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.reader.execute_unprepared("SELECT 1").await?;
        Ok(())
    }
}
