//! Locks without a row.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend};

use crate::StorageError;

/// Excludes other transactions that lock the same key until the end of this one. SQLite has one writer.
pub async fn lock(transaction: &DatabaseTransaction, key: i64) -> Result<(), StorageError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({key})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}
