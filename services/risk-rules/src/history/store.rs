//! Seals of days: the roots of the decisions of each local day.

use lutong_kernel::{LocalDay, Timestamp};
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryOrder as _};

use crate::history::domain::{DayDigest, Entry};
use day_seal::{ActiveModel, Column, Entity, Model};

/// The table `day_seals`.
pub mod day_seal {
    use sea_orm::entity::prelude::*;

    /// The seal of a local day.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "day_seals")]
    pub struct Model {
        /// Days since 1970-01-01.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub sealed_at: i64,
        pub decisions: i64,
        /// A count and a digest for each bucket, one after the other.
        pub buckets: Vec<u8>,
        pub root: Vec<u8>,
        /// The service's keyed hash of the root.
        pub proof: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A sealed day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySeal {
    pub day: LocalDay,
    pub sealed_at: Timestamp,
    pub digest: DayDigest,
    pub root: Entry,
    /// The service's keyed hash of the root.
    pub proof: Vec<u8>,
}

impl TryFrom<Model> for DaySeal {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("day_seals.{what}"));
        Ok(Self {
            day: LocalDay::from_days(row.day),
            sealed_at: Timestamp::from_micros(row.sealed_at),
            digest: DayDigest::from_bytes(&row.buckets).ok_or_else(|| damaged("buckets"))?,
            root: row.root.try_into().map_err(|_| damaged("root"))?,
            proof: row.proof,
        })
    }
}

/// Stores a seal. If several workers seal a day at once, the first seal is kept.
pub async fn insert(transaction: &DatabaseTransaction, seal: &DaySeal) -> Result<(), StorageError> {
    let row = ActiveModel {
        day: Set(seal.day.days()),
        sealed_at: Set(seal.sealed_at.micros()),
        decisions: Set(seal.digest.decisions()),
        buckets: Set(seal.digest.to_bytes()),
        root: Set(seal.root.to_vec()),
        proof: Set(seal.proof.clone()),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Day).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, day: LocalDay) -> Result<Option<DaySeal>, StorageError> {
    let row = Entity::find_by_id(day.days()).one(connection).await?;
    row.map(DaySeal::try_from).transpose()
}

/// The last sealed day.
pub async fn last(connection: &impl ConnectionTrait) -> Result<Option<DaySeal>, StorageError> {
    let row = Entity::find().order_by_desc(Column::Day).one(connection).await?;
    row.map(DaySeal::try_from).transpose()
}
