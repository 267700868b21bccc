//! The tables `message_nonces`, `partner_usage` and `message_records`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_token::Nonce;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};
use sha2::{Digest as _, Sha256};

use super::domain::Usage;
use crate::partners::domain::PartnerId;

pub mod nonce {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "message_nonces")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub nonce: Vec<u8>,
        pub forgettable_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod usage {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "partner_usage")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        pub minute: i64,
        pub minute_requests: i64,
        pub day: i64,
        pub day_requests: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod record {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "message_records")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub recorded_at: i64,
        pub partner: String,
        pub is_answer: i64,
        /// As signed; nothing personal.
        pub header: Vec<u8>,
        /// Of an answer: what it says.
        pub outcome: String,
        /// SHA-256 of the entry before and of this row.
        pub entry: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Remembers a nonce; `false` if it is known.
pub async fn claim_nonce(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    value: &Nonce,
    forgettable_at: Timestamp,
) -> Result<bool, StorageError> {
    let row = nonce::ActiveModel {
        partner: Set(partner.to_string()),
        nonce: Set(value.to_vec()),
        forgettable_at: Set(forgettable_at.micros()),
    };
    let known = OnConflict::columns([nonce::Column::Partner, nonce::Column::Nonce])
        .do_nothing()
        .to_owned();
    let inserted = nonce::Entity::insert(row)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted > 0)
}

/// Forgets the nonces of messages that nobody accepts any more.
pub async fn forget_nonces(transaction: &DatabaseTransaction, now: Timestamp) -> Result<u64, StorageError> {
    let done = nonce::Entity::delete_many()
        .filter(nonce::Column::ForgettableAt.lte(now.micros()))
        .exec(transaction)
        .await?;
    Ok(done.rows_affected)
}

/// What a partner has used, locked by the caller.
pub async fn find_usage(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
) -> Result<Usage, StorageError> {
    let row = usage::Entity::find_by_id(partner.to_string())
        .one(connection)
        .await?;
    Ok(row.map_or_else(Usage::default, |row| Usage {
        minute: row.minute,
        minute_requests: row.minute_requests,
        day: row.day,
        day_requests: row.day_requests,
    }))
}

pub async fn save_usage(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    used: Usage,
) -> Result<(), StorageError> {
    let row = usage::ActiveModel {
        partner: Set(partner.to_string()),
        minute: Set(used.minute),
        minute_requests: Set(used.minute_requests),
        day: Set(used.day),
        day_requests: Set(used.day_requests),
    };
    let columns = [
        usage::Column::Minute,
        usage::Column::MinuteRequests,
        usage::Column::Day,
        usage::Column::DayRequests,
    ];
    usage::Entity::insert(row)
        .on_conflict(
            OnConflict::column(usage::Column::Partner)
                .update_columns(columns)
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// A message that crossed the border.
#[derive(Debug, Clone)]
pub struct MessageRecord {
    pub recorded_at: Timestamp,
    pub partner: PartnerId,
    pub is_answer: bool,
    pub header: Vec<u8>,
    pub outcome: String,
}

/// Appends a record to the chain. The caller holds the lock of the chain.
pub async fn append(transaction: &DatabaseTransaction, record: MessageRecord) -> Result<(), StorageError> {
    let last = record::Entity::find()
        .order_by_desc(record::Column::Sequence)
        .one(transaction)
        .await?;
    let (sequence, before) = last.map_or((0, Vec::new()), |row| (row.sequence, row.entry));
    let mut row = record::Model {
        sequence: sequence + 1,
        recorded_at: record.recorded_at.micros(),
        partner: record.partner.to_string(),
        is_answer: record.is_answer.into(),
        header: record.header,
        outcome: record.outcome,
        entry: Vec::new(),
    };
    row.entry = entry(&before, &row);
    record::Entity::insert(record::ActiveModel::from(row))
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// The entry of a row after the one before: SHA-256 over both, each column with its length.
pub fn entry(before: &[u8], row: &record::Model) -> Vec<u8> {
    let mut hash = Sha256::new();
    for column in [
        before,
        &row.sequence.to_be_bytes(),
        &row.recorded_at.to_be_bytes(),
        row.partner.as_bytes(),
        &row.is_answer.to_be_bytes(),
        &row.header,
        row.outcome.as_bytes(),
    ] {
        hash.update((column.len() as u64).to_be_bytes());
        hash.update(column);
    }
    hash.finalize().to_vec()
}
