//! Designations, proposed and approved.

use lutong_chassis::storage::StorageError;
use lutong_chassis::storage::column::{read_division, read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_kernel::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::tables::designation::{ActiveModel, Column, Entity, Model};
use crate::domain::designation::{Designation, Level, legal_basis};

impl TryFrom<Model> for Designation {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("designations.{what}"));
        Ok(Self {
            id: read_uuid(&row.id, "designations.id")?,
            subject: read_subject(&row.subject_id, "designations.subject_id")?,
            level: Level::parse(&row.level).ok_or_else(|| damaged("level"))?,
            from: Timestamp::from_micros(row.from_at),
            until: Timestamp::from_micros(row.until_at),
            basis: legal_basis(&row.legal_basis).ok_or_else(|| damaged("legal_basis"))?,
            division: read_division(row.division, "designations.division")?,
            proposed_by: row.proposed_by,
            proposed_at: Timestamp::from_micros(row.proposed_at),
            approved_by: row.approved_by,
            approved_at: row.approved_at.map(Timestamp::from_micros),
            ended_at: row.ended_at.map(Timestamp::from_micros),
        })
    }
}

pub async fn insert(transaction: &DatabaseTransaction, one: &Designation) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(uuid_bytes(one.id)),
        subject_id: Set(subject_bytes(one.subject)),
        level: Set(one.level.as_str().to_owned()),
        from_at: Set(one.from.micros()),
        until_at: Set(one.until.micros()),
        legal_basis: Set(one.basis.code.to_owned()),
        division: Set(i64::from(one.division.number())),
        proposed_by: Set(one.proposed_by.clone()),
        proposed_at: Set(one.proposed_at.micros()),
        approved_by: Set(None),
        approved_at: Set(None),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<Designation>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(Designation::try_from).transpose()
}

/// Held until the end of the transaction.
pub async fn hold(transaction: &DatabaseTransaction, id: Uuid) -> Result<Option<Designation>, StorageError> {
    let mut query = Entity::find_by_id(uuid_bytes(id));
    if transaction.get_database_backend() == DbBackend::Postgres {
        query = query.lock(LockType::Update);
    }
    query
        .one(transaction)
        .await?
        .map(Designation::try_from)
        .transpose()
}

pub async fn approve(
    transaction: &DatabaseTransaction,
    id: Uuid,
    officer: &str,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ApprovedBy, Expr::value(officer))
        .col_expr(Column::ApprovedAt, Expr::value(at.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(Column::ApprovedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

pub async fn end(
    transaction: &DatabaseTransaction,
    id: Uuid,
    (until, at): (Timestamp, Timestamp),
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::UntilAt, Expr::value(until.micros()))
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Designations that were approved, have not ended and are in force at an instant by their own dates. Whether their facts
/// still stand is for [`super::statements`] to say.
pub async fn running(
    connection: &impl ConnectionTrait,
    at: Timestamp,
) -> Result<Vec<Designation>, StorageError> {
    let rows = Entity::find()
        .filter(Column::ApprovedAt.is_not_null())
        .filter(Column::EndedAt.is_null())
        .filter(Column::FromAt.lte(at.micros()))
        .filter(Column::UntilAt.gt(at.micros()))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    rows.into_iter().map(Designation::try_from).collect()
}
