//! Rosters: every enrolment is counted in its own transaction, so that a re-comparison knows which subjects it must cover.

use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
};

use lutong_risk_engine::set_digest::SetDigest;
use roster::{ActiveModel, Column, Entity, Model};

/// The table `rosters`.
pub mod roster {
    use sea_orm::entity::prelude::*;

    /// The subjects that one transaction enrolled. Rows are merged when a run over everyone begins.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rosters")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub count: i64,
        pub digest: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Counts newly enrolled subjects and returns the number of the new row.
pub async fn enrol(transaction: &DatabaseTransaction, new: &SetDigest) -> Result<i64, StorageError> {
    let row = ActiveModel {
        id: NotSet,
        count: Set(new.count),
        digest: Set(new.digest().to_vec()),
    };
    let inserted = Entity::insert(row).exec(transaction).await?;
    Ok(inserted.last_insert_id)
}

/// Merges all rows into the last one and returns its number and the digest of all enrolled subjects. The caller holds the basis
/// exclusively: no enrolment may be in progress.
pub async fn add_up(transaction: &DatabaseTransaction) -> Result<(i64, SetDigest), StorageError> {
    let rows = all(transaction).await?;
    let Some(last) = rows.iter().map(|(id, _)| *id).max() else {
        return Ok((0, SetDigest::default()));
    };
    let mut whole = SetDigest::default();
    for (_, part) in &rows {
        whole.merge(part);
    }
    if rows.len() > 1 {
        Entity::delete_many()
            .filter(Column::Id.lt(last))
            .exec(transaction)
            .await?;
        let sum = ActiveModel {
            id: Set(last),
            count: Set(whole.count),
            digest: Set(whole.digest().to_vec()),
        };
        Entity::update(sum).exec(transaction).await?;
    }
    Ok((last, whole))
}

async fn all(connection: &impl ConnectionTrait) -> Result<Vec<(i64, SetDigest)>, StorageError> {
    let read = |row: Model| {
        let digest = row.digest.try_into();
        let digest = digest.map_err(|_| StorageError::Damaged("rosters.digest".to_owned()))?;
        Ok((row.id, SetDigest::from_parts(row.count, digest)))
    };
    let rows = Entity::find().all(connection).await?;
    rows.into_iter().map(read).collect()
}
