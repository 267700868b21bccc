//! The table `batches`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_token::BatchTag;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use self::batch::{ActiveModel, Column, Entity};
use crate::partners::domain::PartnerId;

pub mod batch {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "batches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub tag: Vec<u8>,
        pub header: Vec<u8>,
        pub body: Vec<u8>,
        pub cut_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A batch as it is handed out.
#[derive(Debug, Clone)]
pub struct StoredBatch {
    pub number: u32,
    pub tag: BatchTag,
    pub header: Vec<u8>,
    pub body: Vec<u8>,
}

/// A tag in a column.
pub fn read_tag(bytes: &[u8], column: &str) -> Result<BatchTag, StorageError> {
    let tag: Result<[u8; 16], _> = bytes.try_into();
    tag.map(BatchTag::from_bytes)
        .map_err(|_| StorageError::Damaged(format!("{column} is not a tag")))
}

fn read(row: batch::Model) -> Result<StoredBatch, StorageError> {
    Ok(StoredBatch {
        number: u32::try_from(row.number).map_err(|_| StorageError::Damaged("batches.number".to_owned()))?,
        tag: read_tag(&row.tag, "batches.tag")?,
        header: row.header,
        body: row.body,
    })
}

pub async fn append(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    batch: StoredBatch,
    cut_at: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        partner: Set(partner.to_string()),
        number: Set(batch.number.into()),
        tag: Set(batch.tag.as_bytes().to_vec()),
        header: Set(batch.header),
        body: Set(batch.body),
        cut_at: Set(cut_at.micros()),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// The newest batch for a partner.
pub async fn newest(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
) -> Result<Option<StoredBatch>, StorageError> {
    let row = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .order_by_desc(Column::Number)
        .one(connection)
        .await?;
    row.map(read).transpose()
}

pub async fn of_number(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    number: u32,
) -> Result<Option<StoredBatch>, StorageError> {
    let row = Entity::find_by_id((partner.to_string(), i64::from(number)))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

pub async fn of_tag(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    tag: BatchTag,
) -> Result<Option<StoredBatch>, StorageError> {
    let row = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::Tag.eq(tag.as_bytes().to_vec()))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

/// How many batches for a partner come after a number.
pub async fn count_after(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    number: i64,
) -> Result<u64, StorageError> {
    let count = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::Number.gt(number))
        .count(connection)
        .await?;
    Ok(count)
}

/// Deletes batches that were cut before an instant, but the newest of each partner, after which its chain goes on.
pub async fn delete_before(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    before: Timestamp,
) -> Result<(), StorageError> {
    let Some(newest) = newest(transaction, partner).await? else {
        return Ok(());
    };
    Entity::delete_many()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::CutAt.lt(before.micros()))
        .filter(Column::Number.lt(i64::from(newest.number)))
        .exec(transaction)
        .await?;
    Ok(())
}
