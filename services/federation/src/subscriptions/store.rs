//! The tables `subscriptions` and `taken_batches`.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_token::BatchTag;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::subscription::{ActiveModel, Column, Entity, Model};
use super::domain::{Place, Standing};
use crate::batches::store::read_tag;
use crate::partners::domain::PartnerId;

pub mod subscription {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "subscriptions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        pub taken_tag: Option<Vec<u8>>,
        pub taken_number: Option<i64>,
        pub pulled_at: Option<i64>,
        pub failure: String,
        pub confirmed_number: Option<i64>,
        pub acknowledged_tag: Option<Vec<u8>>,
        pub acknowledged_number: Option<i64>,
        pub acknowledged_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod taken_batch {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "taken_batches")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        pub tag: Vec<u8>,
        pub key_id: String,
        /// As signed; nothing personal.
        pub header: Vec<u8>,
        pub taken_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn read(row: Model) -> Result<Standing, StorageError> {
    let tag = |bytes: Option<Vec<u8>>, column| bytes.map(|bytes| read_tag(&bytes, column)).transpose();
    let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    Ok(Standing {
        taken: tag(row.taken_tag, "subscriptions.taken_tag")?,
        taken_number: number(row.taken_number),
        pulled_at: row.pulled_at.map(Timestamp::from_micros),
        failure: row.failure,
        confirmed_number: number(row.confirmed_number),
        acknowledged: tag(row.acknowledged_tag, "subscriptions.acknowledged_tag")?,
        acknowledged_number: number(row.acknowledged_number),
        acknowledged_at: row.acknowledged_at.map(Timestamp::from_micros),
    })
}

pub async fn find(connection: &impl ConnectionTrait, partner: PartnerId) -> Result<Standing, StorageError> {
    let row = Entity::find_by_id(partner.to_string()).one(connection).await?;
    row.map_or_else(|| Ok(Standing::default()), read)
}

/// As [`find`], locked until the end of the transaction.
pub async fn lock(transaction: &DatabaseTransaction, partner: PartnerId) -> Result<Standing, StorageError> {
    let row = Entity::find_by_id(partner.to_string())
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map_or_else(|| Ok(Standing::default()), read)
}

/// A row that changes nothing but what is set in it.
fn empty(partner: PartnerId) -> ActiveModel {
    ActiveModel {
        partner: Set(partner.to_string()),
        failure: Set(String::new()),
        ..Default::default()
    }
}

async fn save(
    transaction: &DatabaseTransaction,
    row: ActiveModel,
    columns: &[Column],
) -> Result<(), StorageError> {
    let known = OnConflict::column(Column::Partner)
        .update_columns(columns.iter().copied())
        .to_owned();
    Entity::insert(row)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Where the chain of a partner stands now.
pub async fn set_taken(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    place: Place,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        taken_tag: Set(Some(place.tag.as_bytes().to_vec())),
        taken_number: Set(place.number.map(i64::from)),
        ..empty(partner)
    };
    save(transaction, row, &[Column::TakenTag, Column::TakenNumber]).await
}

/// Where the chain of a partner was entered; of it nothing was acknowledged so far.
pub async fn set_entered(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    place: Place,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        taken_tag: Set(Some(place.tag.as_bytes().to_vec())),
        taken_number: Set(place.number.map(i64::from)),
        confirmed_number: Set(None),
        ..empty(partner)
    };
    let columns = [Column::TakenTag, Column::TakenNumber, Column::ConfirmedNumber];
    save(transaction, row, &columns).await
}

/// When a partner's chain was read, and why that failed.
pub async fn set_pulled(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    at: Timestamp,
    failure: &str,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        pulled_at: Set(Some(at.micros())),
        failure: Set(failure.to_owned()),
        ..empty(partner)
    };
    save(transaction, row, &[Column::PulledAt, Column::Failure]).await
}

/// The partner knows that its batches up to this number are in force here.
pub async fn set_confirmed(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    number: u32,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        confirmed_number: Set(Some(number.into())),
        ..empty(partner)
    };
    save(transaction, row, &[Column::ConfirmedNumber]).await
}

/// Our batches up to this one are in force at the partner.
pub async fn set_acknowledged(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    (number, tag): (u32, BatchTag),
    at: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        acknowledged_tag: Set(Some(tag.as_bytes().to_vec())),
        acknowledged_number: Set(Some(number.into())),
        acknowledged_at: Set(Some(at.micros())),
        ..empty(partner)
    };
    let columns = [
        Column::AcknowledgedTag,
        Column::AcknowledgedNumber,
        Column::AcknowledgedAt,
    ];
    save(transaction, row, &columns).await
}

/// All subscriptions that anything has happened with.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<(PartnerId, Standing)>, StorageError> {
    let rows = Entity::find()
        .order_by_asc(Column::Partner)
        .all(connection)
        .await?;
    let one = |row: Model| {
        let damaged = |_| StorageError::Damaged("subscriptions.partner".to_owned());
        Ok((PartnerId::parse(&row.partner).map_err(damaged)?, read(row)?))
    };
    rows.into_iter().map(one).collect()
}

/// A batch that was taken in.
#[derive(Debug, Clone)]
pub struct TakenBatch {
    pub number: u32,
    pub tag: BatchTag,
    pub key_id: String,
    pub header: Vec<u8>,
}

pub async fn append_taken(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    batch: TakenBatch,
    at: Timestamp,
) -> Result<(), StorageError> {
    let row = taken_batch::ActiveModel {
        partner: Set(partner.to_string()),
        number: Set(batch.number.into()),
        tag: Set(batch.tag.as_bytes().to_vec()),
        key_id: Set(batch.key_id),
        header: Set(batch.header),
        taken_at: Set(at.micros()),
    };
    // A partner whose log was restored from a backup counts anew; the record of what was there stays in the messages.
    let columns = [
        taken_batch::Column::Tag,
        taken_batch::Column::KeyId,
        taken_batch::Column::Header,
        taken_batch::Column::TakenAt,
    ];
    let known = OnConflict::columns([taken_batch::Column::Partner, taken_batch::Column::Number])
        .update_columns(columns)
        .to_owned();
    taken_batch::Entity::insert(row)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// The tag of a batch that was taken in.
pub async fn taken_tag(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    number: u32,
) -> Result<Option<BatchTag>, StorageError> {
    let row = taken_batch::Entity::find()
        .filter(taken_batch::Column::Partner.eq(partner.to_string()))
        .filter(taken_batch::Column::Number.eq(i64::from(number)))
        .one(connection)
        .await?;
    row.map(|row| read_tag(&row.tag, "taken_batches.tag")).transpose()
}
