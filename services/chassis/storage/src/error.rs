//! Database errors, reduced to the few kinds that use cases distinguish.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode};
use sea_orm::{DbErr, RuntimeErr, SqlErr};
use sqlx::sqlite::SqliteError;

#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// The database did not answer.
    #[error("the database does not answer: {0}")]
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    /// A concurrent transaction won; a retry may succeed.
    #[error("a concurrent transaction won")]
    Contended,
    /// No space left.
    #[error("the database has no space left")]
    Full,
    #[error("unique constraint violated: {0}")]
    Unique(String),
    #[error("configuration: {0}")]
    Config(String),
    /// Stored data is not what this system wrote.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    #[error("{0}")]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl StorageError {
    /// A write whose closure panicked; the panic hook has logged it.
    pub(super) fn unfinished() -> Self {
        Self::Damaged("a write panicked before its end".to_owned())
    }

    /// The database does not answer, or not as it should.
    pub(super) fn unavailable(what: &'static str) -> Self {
        Self::Unavailable(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(what)))
    }

    /// Whether the database failed because of its own state, not because of the data.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full)
    }

    /// Label for metrics and logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Contended => "contended",
            Self::Full => "full",
            Self::Unique(_) => "unique",
            Self::Config(_) => "config",
            Self::Damaged(_) => "damaged",
            Self::Other(_) => "other",
        }
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        let error = read(error);
        super::refusal::note(&error);
        error
    }
}

fn read(error: DbErr) -> StorageError {
    if let Some(SqlErr::UniqueConstraintViolation(constraint)) = error.sql_err() {
        return StorageError::Unique(constraint);
    }
    match &error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => StorageError::Unavailable(Arc::new(error)),
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            kind_of(cause).unwrap_or_else(|| StorageError::Other(Arc::new(error)))
        }
        _ => StorageError::Other(Arc::new(error)),
    }
}

fn kind_of(cause: &Arc<sqlx::Error>) -> Option<StorageError> {
    let unavailable = || StorageError::Unavailable(Arc::clone(cause) as _);
    match cause.as_ref() {
        sqlx::Error::Database(database) => {
            let code = database.code()?;
            if database.try_downcast_ref::<SqliteError>().is_some() {
                of_sqlite(code.parse().ok()?, unavailable)
            } else {
                of_postgres(&code, unavailable)
            }
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::BeginFailed
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(unavailable()),
        _ => None,
    }
}

/// The low byte of an extended code is its primary code (<https://www.sqlite.org/rescode.html>).
fn of_sqlite(code: i32, unavailable: impl FnOnce() -> StorageError) -> Option<StorageError> {
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED.
        5 | 6 => Some(StorageError::Contended),
        // SQLITE_FULL.
        13 => Some(StorageError::Full),
        // SQLITE_NOMEM, SQLITE_READONLY, SQLITE_INTERRUPT, SQLITE_IOERR, SQLITE_CANTOPEN.
        7..=10 | 14 => Some(unavailable()),
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        11 | 26 => Some(StorageError::Damaged(format!("SQLite, code {code}"))),
        _ => None,
    }
}

/// By PostgreSQL's error codes (its manual, appendix A).
fn of_postgres(code: &str, unavailable: impl FnOnce() -> StorageError) -> Option<StorageError> {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available.
        "40001" | "40P01" | "55P03" => Some(StorageError::Contended),
        // disk_full.
        "53100" => Some(StorageError::Full),
        // data_corrupted, index_corrupted.
        "XX001" | "XX002" => Some(StorageError::Damaged(format!("PostgreSQL, code {code}"))),
        // in_failed_sql_transaction: an earlier statement failed; read_only_sql_transaction: a standby, or a server that
        // its operator has stopped writing.
        "25P02" | "25006" => Some(unavailable()),
        // Connection exceptions, insufficient resources, operator intervention (among it statement timeouts), system errors.
        _ if ["08", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Some(unavailable())
        }
        _ => None,
    }
}

impl From<StorageError> for Fault {
    /// Storage that is away is logged here, once; the cause of an internal error where the fault becomes an answer.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Contended => Self::new(
                FaultCode::Aborted,
                "CONTENDED",
                "操作冲突，请重试",
                "a concurrent change won; try again with the same request_id",
            ),
            StorageError::Unavailable(_) | StorageError::Full => {
                tracing::error!(%error, "storage failed; nothing was acknowledged");
                Self::unavailable("storage")
            }
            StorageError::Unique(_)
            | StorageError::Config(_)
            | StorageError::Damaged(_)
            | StorageError::Other(_) => Self::internal(format_args!("storage failed: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_either_engine_is_read_by_its_class() {
        let of = |found: Option<StorageError>| found.map_or("none", |error| error.kind());
        let away = || StorageError::unavailable("away");
        for (code, kind) in [
            (5, "contended"),
            (517, "contended"),
            (6, "contended"),
            (13, "full"),
            (10, "unavailable"),
            // SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE.
            (1034, "unavailable"),
            (778, "unavailable"),
            (8, "unavailable"),
            (14, "unavailable"),
            (11, "damaged"),
            (1, "none"),
        ] {
            assert_eq!(of(of_sqlite(code, away)), kind, "{code}");
        }
        for (code, kind) in [
            ("40001", "contended"),
            ("53100", "full"),
            ("53200", "unavailable"),
            ("57014", "unavailable"),
            ("57P01", "unavailable"),
            ("58030", "unavailable"),
            ("25P02", "unavailable"),
            ("08006", "unavailable"),
            ("XX001", "damaged"),
            ("42P01", "none"),
        ] {
            assert_eq!(of(of_postgres(code, away)), kind, "{code}");
        }
    }
}
