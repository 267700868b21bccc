//! Roots of the days' decisions, each sealed once.

use lutong_kernel::{LocalDay, Timestamp};
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryOrder as _};

use super::tables::day_seal::{ActiveModel, Column, Entity, Model};
use crate::domain::history::{DayDigest, Entry};

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

/// Of several that seal at once the first stays.
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
