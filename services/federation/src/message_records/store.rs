//! Reads the table `message_records`, which exchanges write, and keeps `message_heads`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::domain::{HEAD_EVERY, Record};
use crate::exchanges::store::record;
use crate::partners::domain::PartnerId;

pub mod head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "message_heads")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        /// As signed.
        pub document: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Which records. What is not set lets all through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub partner: Option<PartnerId>,
    /// Recorded then or later.
    pub start: Option<Timestamp>,
    /// Recorded before.
    pub end: Option<Timestamp>,
}

impl From<record::Model> for Record {
    fn from(row: record::Model) -> Self {
        Self {
            sequence: row.sequence,
            recorded_at: Timestamp::from_micros(row.recorded_at),
            partner: row.partner,
            is_answer: row.is_answer != 0,
            header: row.header,
            outcome: row.outcome,
            entry: row.entry,
        }
    }
}

pub async fn find(connection: &impl ConnectionTrait, sequence: i64) -> Result<Option<Record>, StorageError> {
    let row = record::Entity::find_by_id(sequence).one(connection).await?;
    Ok(row.map(Record::from))
}

/// Records before a number, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Record>, StorageError> {
    let mut query = record::Entity::find();
    if let Some(partner) = filter.partner {
        query = query.filter(record::Column::Partner.eq(partner.to_string()));
    }
    if let Some(start) = filter.start {
        query = query.filter(record::Column::RecordedAt.gte(start.micros()));
    }
    if let Some(end) = filter.end {
        query = query.filter(record::Column::RecordedAt.lt(end.micros()));
    }
    if let Some(before) = before {
        query = query.filter(record::Column::Sequence.lt(before));
    }
    let query = query.order_by_desc(record::Column::Sequence).limit(limit);
    let rows = query.all(connection).await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// Records of a partner around one of them, in a range of time; in their order.
pub async fn around(
    connection: &impl ConnectionTrait,
    of: &Record,
    (from, until): (Timestamp, Timestamp),
    limit: u64,
) -> Result<Vec<Record>, StorageError> {
    let rows = record::Entity::find()
        .filter(record::Column::Partner.eq(of.partner.as_str()))
        .filter(record::Column::RecordedAt.gte(from.micros()))
        .filter(record::Column::RecordedAt.lte(until.micros()))
        .filter(record::Column::IsAnswer.eq(i64::from(!of.is_answer)))
        .order_by_asc(record::Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// Records from a number up to another, in their order.
pub async fn range(
    connection: &impl ConnectionTrait,
    from: i64,
    until: i64,
) -> Result<Vec<Record>, StorageError> {
    let rows = record::Entity::find()
        .filter(record::Column::Sequence.between(from, until))
        .order_by_asc(record::Column::Sequence)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// The last record.
pub async fn last(connection: &impl ConnectionTrait) -> Result<Option<Record>, StorageError> {
    let row = record::Entity::find()
        .order_by_desc(record::Column::Sequence)
        .one(connection)
        .await?;
    Ok(row.map(Record::from))
}

/// The next records that get a head, after a number.
pub async fn without_head(
    connection: &impl ConnectionTrait,
    after: i64,
    limit: i64,
) -> Result<Vec<Record>, StorageError> {
    let first = after.div_euclid(HEAD_EVERY).saturating_add(1);
    let numbers = (first..first.saturating_add(limit)).map(|n| n.saturating_mul(HEAD_EVERY));
    let rows = record::Entity::find()
        .filter(record::Column::Sequence.is_in(numbers))
        .order_by_asc(record::Column::Sequence)
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(Record::from).collect())
}

/// The first head at a number or after it.
pub async fn head_from(
    connection: &impl ConnectionTrait,
    sequence: i64,
) -> Result<Option<(i64, Vec<u8>)>, StorageError> {
    let row = head::Entity::find()
        .filter(head::Column::Sequence.gte(sequence))
        .order_by_asc(head::Column::Sequence)
        .one(connection)
        .await?;
    Ok(row.map(|row| (row.sequence, row.document)))
}

/// The number of the last record that has a head; 0 before the first.
pub async fn last_head(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    let row = head::Entity::find()
        .order_by_desc(head::Column::Sequence)
        .one(connection)
        .await?;
    Ok(row.map_or(0, |row| row.sequence))
}

/// Keeps heads; one that is there stays.
pub async fn keep_heads(
    transaction: &DatabaseTransaction,
    heads: Vec<(i64, Vec<u8>)>,
) -> Result<(), StorageError> {
    if heads.is_empty() {
        return Ok(());
    }
    let rows = heads.into_iter().map(|(sequence, document)| head::ActiveModel {
        sequence: Set(sequence),
        document: Set(document),
    });
    head::Entity::insert_many(rows)
        .on_conflict(OnConflict::column(head::Column::Sequence).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
