//! The table `one_time_codes`: which were sent, by keyed hashes of their digits and numbers.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::one_time_code::{ActiveModel, Column, Entity, Model};
use super::domain::{OneTimeCode, TRIES};

pub mod one_time_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "one_time_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code_id: Vec<u8>,
        /// Keyed hash of the number.
        pub mobile_index: Vec<u8>,
        /// Keyed hash of the account that asked.
        pub account: Vec<u8>,
        pub purpose: String,
        /// Keyed hash of id, number, purpose and digits.
        pub digits: Vec<u8>,
        pub created_at: i64,
        pub expires_at: i64,
        /// Wrong tries so far.
        pub tries: i64,
        /// When the digits were first shown.
        pub proved_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who asked, for which number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressee {
    pub mobile: [u8; 32],
    pub account: [u8; 32],
}

/// A code as stored.
#[derive(Debug, Clone)]
pub struct StoredCode {
    pub code: OneTimeCode,
    pub addressee: Addressee,
    pub digits: Vec<u8>,
    pub is_used_up: bool,
    pub tries_left: i64,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("one_time_codes.{what}"))
}

impl TryFrom<Model> for StoredCode {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let hash = |bytes: Vec<u8>, what| bytes.try_into().map_err(|_| damaged(what));
        Ok(Self {
            code: OneTimeCode {
                id: read_uuid(&row.code_id, "one_time_codes.code_id")?,
                purpose: row.purpose.parse().map_err(|_| damaged("purpose"))?,
                created_at: Timestamp::from_micros(row.created_at),
            },
            addressee: Addressee {
                mobile: hash(row.mobile_index, "mobile_index")?,
                account: hash(row.account, "account")?,
            },
            digits: row.digits,
            is_used_up: row.tries >= TRIES,
            tries_left: Ord::max(TRIES - row.tries, 0),
        })
    }
}

/// When codes were sent to a number since an instant, the newest first.
pub async fn sent_to(
    connection: &impl ConnectionTrait,
    mobile: &[u8; 32],
    since: Timestamp,
) -> Result<Vec<Timestamp>, StorageError> {
    sent(connection, Column::MobileIndex, mobile, since).await
}

/// When an account asked for codes since an instant, the newest first.
pub async fn sent_for(
    connection: &impl ConnectionTrait,
    account: &[u8; 32],
    since: Timestamp,
) -> Result<Vec<Timestamp>, StorageError> {
    sent(connection, Column::Account, account, since).await
}

/// More than any limit counts.
const MOST: u64 = 32;

async fn sent(
    connection: &impl ConnectionTrait,
    of: Column,
    hash: &[u8; 32],
    since: Timestamp,
) -> Result<Vec<Timestamp>, StorageError> {
    let instants: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::CreatedAt)
        .filter(of.eq(hash.to_vec()))
        .filter(Column::CreatedAt.gt(since.micros()))
        .order_by_desc(Column::CreatedAt)
        .limit(MOST)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(instants.into_iter().map(Timestamp::from_micros).collect())
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    code: OneTimeCode,
    addressee: Addressee,
    digits: [u8; 32],
) -> Result<(), StorageError> {
    let row = ActiveModel {
        code_id: Set(uuid_bytes(code.id)),
        mobile_index: Set(addressee.mobile.to_vec()),
        account: Set(addressee.account.to_vec()),
        purpose: Set(code.purpose.into_str().to_owned()),
        digits: Set(digits.to_vec()),
        created_at: Set(code.created_at.micros()),
        expires_at: Set(code.expires_at().micros()),
        tries: Set(0),
        proved_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<StoredCode>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(StoredCode::try_from).transpose()
}

/// Takes back a code whose message was not sent.
pub async fn delete(transaction: &DatabaseTransaction, id: Uuid) -> Result<(), StorageError> {
    Entity::delete_by_id(uuid_bytes(id)).exec(transaction).await?;
    Ok(())
}

/// Counts a try before its digits are compared. Returns `false` when there is none left: of any number of guesses side by side, five
/// are compared.
pub async fn count_try(transaction: &DatabaseTransaction, id: Uuid) -> Result<bool, StorageError> {
    let counted = Entity::update_many()
        .col_expr(Column::Tries, Expr::col(Column::Tries).add(1))
        .filter(Column::CodeId.eq(uuid_bytes(id)))
        .filter(Column::Tries.lt(TRIES))
        .exec(transaction)
        .await?;
    Ok(counted.rows_affected > 0)
}

/// Records that the digits were shown, and takes back the try that counted them.
pub async fn prove(transaction: &DatabaseTransaction, id: Uuid, now: Timestamp) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Tries, Expr::col(Column::Tries).sub(1))
        .col_expr(Column::ProvedAt, Expr::value(now.micros()))
        .filter(Column::CodeId.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Deletes codes that no limit counts any more. Returns how many.
pub async fn delete_before(
    transaction: &DatabaseTransaction,
    before: Timestamp,
) -> Result<u64, StorageError> {
    let deleted = Entity::delete_many()
        .filter(Column::CreatedAt.lt(before.micros()))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
