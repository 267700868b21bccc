//! The table `signing_keys`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_token::KeyUse;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};

use self::signing_key::Column;
use super::domain::{Limits, use_of, use_text};

pub mod signing_key {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "signing_keys")]
    pub struct Model {
        /// 1, 2, …: the highest in force of its use signs.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// PKCS#8, encrypted.
        pub private_key: Vec<u8>,
        pub not_before: i64,
        pub not_after: Option<i64>,
        pub revoked_at: Option<i64>,
        /// `TOKENS` or `LISTS`.
        pub signs: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A key as stored.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub number: i64,
    /// PKCS#8, encrypted.
    pub sealed: Vec<u8>,
    pub signs: KeyUse,
    pub limits: Limits,
}

impl TryFrom<signing_key::Model> for StoredKey {
    type Error = StorageError;

    fn try_from(row: signing_key::Model) -> Result<Self, StorageError> {
        let signs = use_of(&row.signs);
        Ok(Self {
            number: row.number,
            sealed: row.private_key,
            signs: signs.ok_or_else(|| StorageError::Damaged("signing_keys.signs".to_owned()))?,
            limits: Limits {
                not_before: Timestamp::from_micros(row.not_before),
                not_after: row.not_after.map(Timestamp::from_micros),
                revoked_at: row.revoked_at.map(Timestamp::from_micros),
            },
        })
    }
}

/// Every key, newest first.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<StoredKey>, StorageError> {
    let rows = signing_key::Entity::find()
        .order_by_desc(Column::Number)
        .all(connection)
        .await?;
    rows.into_iter().map(StoredKey::try_from).collect()
}

/// Adds a key unless its number exists: of several processes that start together, one inserts the key and the others read it. Returns
/// whether it was added.
pub async fn insert(transaction: &DatabaseTransaction, key: StoredKey) -> Result<bool, StorageError> {
    let row = signing_key::ActiveModel {
        number: Set(key.number),
        private_key: Set(key.sealed),
        not_before: Set(key.limits.not_before.micros()),
        not_after: Set(key.limits.not_after.map(Timestamp::micros)),
        revoked_at: Set(key.limits.revoked_at.map(Timestamp::micros)),
        signs: Set(use_text(key.signs).to_owned()),
    };
    let inserted = signing_key::Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Number).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted > 0)
}

/// Ends the keys of a use that have no end yet.
pub async fn retire(
    transaction: &DatabaseTransaction,
    signs: KeyUse,
    not_after: Timestamp,
) -> Result<(), StorageError> {
    signing_key::Entity::update_many()
        .col_expr(Column::NotAfter, Expr::value(not_after.micros()))
        .filter(Column::Signs.eq(use_text(signs)))
        .filter(Column::NotAfter.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Revokes a key that is not revoked yet.
pub async fn revoke(
    transaction: &DatabaseTransaction,
    number: i64,
    revoked_at: Timestamp,
) -> Result<(), StorageError> {
    signing_key::Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(revoked_at.micros()))
        .filter(Column::Number.eq(number))
        .filter(Column::RevokedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}
