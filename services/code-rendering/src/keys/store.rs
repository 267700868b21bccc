//! The table `signing_keys`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryOrder as _};

use self::signing_key::Column;

pub mod signing_key {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_keys")]
    pub struct Model {
        /// 1, 2, …: the highest in force signs.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// PKCS#8, encrypted.
        pub private_key: Vec<u8>,
        pub not_before: i64,
        pub not_after: Option<i64>,
        pub revoked_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

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

/// Adds a key unless its number exists: of several processes that start together, one inserts the key and the others read it.
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
