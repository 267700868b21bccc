//! What can go wrong in a database, in the few kinds that a use case tells apart.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// The database did not answer.
    #[error("the database does not answer: {0}")]
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    /// A concurrent transaction won; trying again may help.
    #[error("a concurrent transaction won")]
    Contended,
    /// No space left.
    #[error("the database has no space left")]
    Full,
    #[error("unique constraint violated: {0}")]
    Unique(String),
    #[error("configuration: {0}")]
    Config(String),
    /// What is stored cannot be what was stored.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    #[error("{0}")]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl StorageError {
    /// A write whose closure panicked. The panic hook has said where.
    pub(super) fn unfinished() -> Self {
        Self::Damaged("a write did not run to its end".to_owned())
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(constraint)) = error.sql_err() {
            return Self::Unique(constraint);
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(Arc::new(error)),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
                match kind_of(cause) {
                    Some(kind) => kind,
                    None => Self::Other(Arc::new(error)),
                }
            }
            _ => Self::Other(Arc::new(error)),
        }
    }
}

fn kind_of(cause: &Arc<sqlx::Error>) -> Option<StorageError> {
    match cause.as_ref() {
        sqlx::Error::Database(database) => match database.code().as_deref() {
            // PostgreSQL: serialization_failure, deadlock_detected. SQLite: SQLITE_BUSY and its extended codes.
            Some("40001" | "40P01" | "5" | "261" | "517") => Some(StorageError::Contended),
            // PostgreSQL: disk_full. SQLite: SQLITE_FULL.
            Some("53100" | "13") => Some(StorageError::Full),
            // PostgreSQL: admin_shutdown, crash_shutdown, cannot_connect_now.
            Some("57P01" | "57P02" | "57P03") => Some(StorageError::Unavailable(Arc::clone(cause) as _)),
            _ => None,
        },
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(StorageError::Unavailable(Arc::clone(cause) as _)),
        _ => None,
    }
}

impl From<StorageError> for Fault {
    /// The cause is logged here, once, and not sent.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Contended => Self::new(
                FaultCode::Aborted,
                "CONTENDED",
                "操作冲突，请重试",
                "a concurrent change won; try again with the same request_id",
            ),
            StorageError::Unavailable(_) | StorageError::Full => {
                tracing::error!(%error, "storage failed; nothing was stored");
                Self::unavailable("storage")
            }
            StorageError::Unique(_)
            | StorageError::Config(_)
            | StorageError::Damaged(_)
            | StorageError::Other(_) => {
                tracing::error!(%error, "storage failed");
                Self::internal()
            }
        }
    }
}
