//! Who is to be looked at by a run over everyone: each enrolment counted in the transaction that makes it.

use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
};

use super::tables::roster::{ActiveModel, Column, Entity, Model};
use crate::domain::set_digest::SetDigest;

/// Counts newly enrolled subjects; the number of the row that counts them.
pub async fn enrol(transaction: &DatabaseTransaction, new: &SetDigest) -> Result<i64, StorageError> {
    let row = ActiveModel {
        id: NotSet,
        count: Set(new.count),
        digest: Set(new.digest().to_vec()),
    };
    let inserted = Entity::insert(row).exec(transaction).await?;
    Ok(inserted.last_insert_id)
}

/// Adds all rows up into the last one: that row's number, and everybody enrolled so far. To be called while nobody else
/// enrols, so that no earlier row is still on its way.
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
