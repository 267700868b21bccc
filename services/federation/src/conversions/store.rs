//! The tables `conversions` and `conversion_changes`.

pub mod told;

use lutong_kernel::{ConversionChangeId, ConversionId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::domain::{Conversion, ConversionState};
use crate::partners::domain::PartnerId;

/// Rows of a statement with many columns: PostgreSQL and SQLite take some 30,000 parameters.
const ROWS: usize = 500;

pub mod conversion {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "conversions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub conversion_id: Vec<u8>,
        pub partner: String,
        pub reference: Option<String>,
        pub token_digest: Vec<u8>,
        pub key_id: String,
        pub issued_at: i64,
        pub converted_at: i64,
        pub interface: String,
        pub trust_list_version: String,
        pub state: String,
        pub outcome: String,
        pub changed_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod change {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "conversion_changes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub change_id: Vec<u8>,
        pub conversion_id: Vec<u8>,
        pub partner: String,
        /// Of the batch that told it; absent for what a comparison told, and for what people here decided.
        pub number: Option<i64>,
        /// Of the key that signed that batch.
        pub key_id: Option<String>,
        pub state: String,
        pub outcome: String,
        pub changed_at: i64,
        pub recorded_at: i64,
        /// When it was in force.
        pub confirmed_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// By whom a change was said: a batch, and the key that signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub number: u32,
    pub key_id: String,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("conversions.{what}"))
}

fn write(one: &Conversion) -> conversion::ActiveModel {
    conversion::ActiveModel {
        conversion_id: Set(uuid_bytes(one.id.uuid())),
        partner: Set(one.origin.to_string()),
        reference: Set(one.reference.clone()),
        token_digest: Set(one.token_digest.to_vec()),
        key_id: Set(one.key_id.clone()),
        issued_at: Set(one.issued_at.micros()),
        converted_at: Set(one.converted_at.micros()),
        interface: Set(one.interface.clone()),
        trust_list_version: Set(one.trust_list_version.clone()),
        state: Set(one.state.into_str().to_owned()),
        outcome: Set(one.outcome.into_str().to_owned()),
        changed_at: Set(one.changed_at.micros()),
    }
}

/// The conversion of a row.
pub fn read_conversion(row: conversion::Model) -> Result<Conversion, StorageError> {
    let id = read_uuid(&row.conversion_id, "conversions.conversion_id")?;
    Ok(Conversion {
        id: ConversionId::from_uuid(id),
        origin: PartnerId::parse(&row.partner).map_err(|_| damaged("partner"))?,
        reference: row.reference,
        token_digest: row.token_digest.try_into().map_err(|_| damaged("token_digest"))?,
        key_id: row.key_id,
        issued_at: Timestamp::from_micros(row.issued_at),
        converted_at: Timestamp::from_micros(row.converted_at),
        interface: row.interface,
        trust_list_version: row.trust_list_version,
        state: row.state.parse().map_err(|_| damaged("state"))?,
        outcome: row.outcome.parse().map_err(|_| damaged("outcome"))?,
        changed_at: Timestamp::from_micros(row.changed_at),
    })
}

pub async fn insert(transaction: &DatabaseTransaction, one: &Conversion) -> Result<(), StorageError> {
    conversion::Entity::insert(write(one))
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Stores how conversions stand now, and that they changed.
pub async fn save_changes(
    transaction: &DatabaseTransaction,
    changed: &[(ConversionChangeId, Conversion)],
    source: Option<&Source>,
    now: Timestamp,
) -> Result<(), StorageError> {
    for some in changed.chunks(ROWS) {
        let standing = [
            conversion::Column::State,
            conversion::Column::Outcome,
            conversion::Column::ChangedAt,
        ];
        let known = OnConflict::column(conversion::Column::ConversionId)
            .update_columns(standing)
            .to_owned();
        conversion::Entity::insert_many(some.iter().map(|(_, one)| write(one)))
            .on_conflict(known)
            .exec_without_returning(transaction)
            .await?;
        let rows = some.iter().map(|(id, one)| change::ActiveModel {
            change_id: Set(uuid_bytes(id.uuid())),
            conversion_id: Set(uuid_bytes(one.id.uuid())),
            partner: Set(one.origin.to_string()),
            number: Set(source.map(|source| source.number.into())),
            key_id: Set(source.map(|source| source.key_id.clone())),
            state: Set(one.state.into_str().to_owned()),
            outcome: Set(one.outcome.into_str().to_owned()),
            changed_at: Set(one.changed_at.micros()),
            recorded_at: Set(now.micros()),
            confirmed_at: Set(None),
        });
        change::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: ConversionId,
) -> Result<Option<Conversion>, StorageError> {
    let row = conversion::Entity::find_by_id(uuid_bytes(id.uuid()))
        .one(connection)
        .await?;
    row.map(read_conversion).transpose()
}

/// The conversions of codes with these references, locked.
pub async fn of_references(
    transaction: &DatabaseTransaction,
    origin: PartnerId,
    references: &[&str],
) -> Result<Vec<Conversion>, StorageError> {
    let rows = conversion::Entity::find()
        .filter(conversion::Column::Partner.eq(origin.to_string()))
        .filter(conversion::Column::Reference.is_in(references.iter().copied()))
        .order_by_asc(conversion::Column::ConversionId)
        .lock_exclusive()
        .all(transaction)
        .await?;
    rows.into_iter().map(read_conversion).collect()
}

/// Which conversions a list has.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    pub origin: Option<PartnerId>,
    pub state: Option<ConversionState>,
}

/// Conversions, the newest first, after one.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: Filter,
    after: Option<uuid::Uuid>,
    limit: u64,
) -> Result<Vec<Conversion>, StorageError> {
    let mut rows = conversion::Entity::find();
    if let Some(origin) = filter.origin {
        rows = rows.filter(conversion::Column::Partner.eq(origin.to_string()));
    }
    if let Some(state) = filter.state {
        rows = rows.filter(conversion::Column::State.eq(state.into_str()));
    }
    if let Some(after) = after {
        rows = rows.filter(conversion::Column::ConversionId.lt(uuid_bytes(after)));
    }
    let rows = rows
        .order_by_desc(conversion::Column::ConversionId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read_conversion).collect()
}

/// References of a partner that its changes are told under, after one, in their order.
pub async fn references(
    connection: &impl ConnectionTrait,
    origin: PartnerId,
    after: &str,
    limit: u64,
) -> Result<Vec<String>, StorageError> {
    let found = conversion::Entity::find()
        .select_only()
        .column(conversion::Column::Reference)
        .distinct()
        .filter(conversion::Column::Partner.eq(origin.to_string()))
        .filter(conversion::Column::Reference.gt(after))
        .order_by_asc(conversion::Column::Reference)
        .limit(limit)
        .into_tuple::<String>()
        .all(connection)
        .await?;
    Ok(found)
}

/// Changes of these references are told no more.
pub async fn unfollow(
    transaction: &DatabaseTransaction,
    origin: PartnerId,
    references: &[String],
) -> Result<(), StorageError> {
    conversion::Entity::update_many()
        .col_expr(conversion::Column::Reference, Expr::value(Option::<String>::None))
        .filter(conversion::Column::Partner.eq(origin.to_string()))
        .filter(conversion::Column::Reference.is_in(references))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Of which partners those of these changes are that were not in force, and since when their origins say them.
pub async fn unconfirmed_among(
    transaction: &DatabaseTransaction,
    changes: &[ConversionChangeId],
) -> Result<Vec<(String, Timestamp)>, StorageError> {
    let found = change::Entity::find()
        .select_only()
        .column(change::Column::Partner)
        .column(change::Column::ChangedAt)
        .filter(change::Column::ChangeId.is_in(changes.iter().map(|id| uuid_bytes(id.uuid()))))
        .filter(change::Column::ConfirmedAt.is_null())
        .into_tuple::<(String, i64)>()
        .all(transaction)
        .await?;
    let at = |(partner, at): (String, i64)| (partner, Timestamp::from_micros(at));
    Ok(found.into_iter().map(at).collect())
}

/// These changes are in force.
pub async fn confirm(
    transaction: &DatabaseTransaction,
    changes: &[ConversionChangeId],
    now: Timestamp,
) -> Result<(), StorageError> {
    change::Entity::update_many()
        .col_expr(change::Column::ConfirmedAt, Expr::value(now.micros()))
        .filter(change::Column::ChangeId.is_in(changes.iter().map(|id| uuid_bytes(id.uuid()))))
        .filter(change::Column::ConfirmedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// The number of the first batch of a partner with a change that is not in force.
pub async fn first_unconfirmed(
    connection: &impl ConnectionTrait,
    origin: PartnerId,
) -> Result<Option<u32>, StorageError> {
    let number = change::Entity::find()
        .select_only()
        .column_as(change::Column::Number.min(), "number")
        .filter(change::Column::Partner.eq(origin.to_string()))
        .filter(change::Column::ConfirmedAt.is_null())
        .filter(change::Column::Number.is_not_null())
        .into_tuple::<Option<i64>>()
        .one(connection)
        .await?;
    Ok(number.flatten().and_then(|number| u32::try_from(number).ok()))
}

/// How many changes of a partner are not in force.
pub async fn count_unconfirmed(
    connection: &impl ConnectionTrait,
    origin: PartnerId,
) -> Result<u64, StorageError> {
    let count = change::Entity::find()
        .filter(change::Column::Partner.eq(origin.to_string()))
        .filter(change::Column::ConfirmedAt.is_null())
        .count(connection)
        .await?;
    Ok(count)
}

/// The longest time from a change at its origin to its effect here, of the newest `limit` that are in force.
pub async fn longest_delay(
    connection: &impl ConnectionTrait,
    origin: PartnerId,
    limit: u64,
) -> Result<std::time::Duration, StorageError> {
    let times = change::Entity::find()
        .select_only()
        .column(change::Column::ChangedAt)
        .column(change::Column::ConfirmedAt)
        .filter(change::Column::Partner.eq(origin.to_string()))
        .filter(change::Column::ConfirmedAt.is_not_null())
        .order_by_desc(change::Column::ChangeId)
        .limit(limit)
        .into_tuple::<(i64, i64)>()
        .all(connection)
        .await?;
    let longest = times.into_iter().map(|(from, to)| to - from).max().unwrap_or(0);
    Ok(std::time::Duration::from_micros(
        u64::try_from(longest).unwrap_or(0),
    ))
}
