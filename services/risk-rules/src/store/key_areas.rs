//! Key areas that officers proposed.

use lutong_chassis::storage::StorageError;
use lutong_chassis::storage::column::read_division;
use lutong_kernel::Timestamp;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::tables::key_area::{ActiveModel, Column, Entity, Model};
use crate::domain::key_area::{KeyArea, Proposal, Signature};

fn read(row: Model) -> Result<KeyArea, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("key_areas.{what}"));
    let approved = match (row.approved_by, row.approved_at) {
        (Some(officer), Some(at)) => Some(Signature {
            officer,
            at: Timestamp::from_micros(at),
        }),
        _ => None,
    };
    Ok(KeyArea {
        id: row.id,
        proposal: Proposal {
            code: read_division(row.code, "key_areas.code")?,
            from: Timestamp::from_micros(row.from_at),
            to: row.to_at.map(Timestamp::from_micros),
            basis: row.legal_basis.parse().map_err(|_| damaged("legal_basis"))?,
        },
        proposed: Signature {
            officer: row.proposed_by,
            at: Timestamp::from_micros(row.proposed_at),
        },
        approved,
    })
}

/// Returns its id.
pub async fn insert(
    transaction: &DatabaseTransaction,
    proposal: &Proposal,
    proposed: &Signature,
) -> Result<i64, StorageError> {
    let row = ActiveModel {
        id: NotSet,
        code: Set(i64::from(proposal.code.number())),
        from_at: Set(proposal.from.micros()),
        to_at: Set(proposal.to.map(Timestamp::micros)),
        legal_basis: Set(proposal.basis.as_str().to_owned()),
        proposed_by: Set(proposed.officer.clone()),
        proposed_at: Set(proposed.at.micros()),
        approved_by: Set(None),
        approved_at: Set(None),
    };
    Ok(Entity::insert(row).exec(transaction).await?.last_insert_id)
}

pub async fn find(connection: &impl ConnectionTrait, id: i64) -> Result<Option<KeyArea>, StorageError> {
    let row = Entity::find_by_id(id).one(connection).await?;
    row.map(read).transpose()
}

pub async fn approve(
    transaction: &DatabaseTransaction,
    id: i64,
    approved: &Signature,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(id),
        approved_by: Set(Some(approved.officer.clone())),
        approved_at: Set(Some(approved.at.micros())),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(transaction).await?;
    Ok(())
}

/// Those after one, by id.
pub async fn list(
    connection: &impl ConnectionTrait,
    after: i64,
    limit: u64,
) -> Result<Vec<KeyArea>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}
