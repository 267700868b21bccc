//! The keys that sign tokens.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryOrder as _};

use super::tables::signing_key::{self, Column};

/// A key as stored.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub number: i64,
    /// PKCS#8, encrypted.
    pub sealed: Vec<u8>,
    pub not_before: Timestamp,
    pub not_after: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// Every key, newest first.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<StoredKey>, StorageError> {
    let rows = signing_key::Entity::find()
        .order_by_desc(Column::Number)
        .all(connection)
        .await?;
    let keys = rows.into_iter().map(|row| StoredKey {
        number: row.number,
        sealed: row.private_key,
        not_before: Timestamp::from_micros(row.not_before),
        not_after: row.not_after.map(Timestamp::from_micros),
        revoked_at: row.revoked_at.map(Timestamp::from_micros),
    });
    Ok(keys.collect())
}

/// Adds a key unless there is one of its number: of several processes that start together one key wins.
pub async fn insert(transaction: &DatabaseTransaction, key: StoredKey) -> Result<(), StorageError> {
    let row = signing_key::ActiveModel {
        number: Set(key.number),
        private_key: Set(key.sealed),
        not_before: Set(key.not_before.micros()),
        not_after: Set(key.not_after.map(Timestamp::micros)),
        revoked_at: Set(key.revoked_at.map(Timestamp::micros)),
    };
    signing_key::Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Number).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
