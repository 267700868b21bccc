//! What a worker reads and writes: the lease of an import, and what became of a chunk of its rows.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_storage::column::uuid_bytes;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use uuid::Uuid;

use super::application_import::{Column, Entity};
use super::read;
use crate::application_imports::domain::{ApplicationImport, State};

/// A worker's lease of an import.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    pub import: Uuid,
    pub owner: Uuid,
}

/// How many rows of a chunk were registered and refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub registered: i64,
    pub refused: i64,
}

/// Leases the oldest import that is running and not leased.
pub async fn lease(
    transaction: &DatabaseTransaction,
    owner: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<ApplicationImport>, StorageError> {
    let row = Entity::find()
        .filter(Column::State.eq(State::Running.into_str()))
        .filter(Column::LeaseUntil.lte(now.micros()))
        .order_by_asc(Column::ImportId)
        .one(transaction)
        .await?;
    let Some(import) = row.map(read).transpose()? else {
        return Ok(None);
    };
    let leased = Entity::update_many()
        .col_expr(Column::LeaseOwner, Expr::value(uuid_bytes(owner)))
        .col_expr(Column::LeaseUntil, Expr::value(until.micros()))
        .filter(Column::ImportId.eq(uuid_bytes(import.id)))
        .filter(Column::State.eq(State::Running.into_str()))
        .filter(Column::LeaseUntil.lte(now.micros()))
        .exec(transaction)
        .await?;
    Ok((leased.rows_affected > 0).then_some(import))
}

/// Adds the progress of a chunk and extends the lease. Returns `false` when the worker has lost the import: it was cancelled, or
/// another worker has it.
pub async fn advance(
    transaction: &DatabaseTransaction,
    lease: Lease,
    progress: Progress,
    until: Timestamp,
) -> Result<bool, StorageError> {
    let moved = Entity::update_many()
        .col_expr(
            Column::Registered,
            Expr::col(Column::Registered).add(progress.registered),
        )
        .col_expr(Column::Refused, Expr::col(Column::Refused).add(progress.refused))
        .col_expr(Column::LeaseUntil, Expr::value(until.micros()))
        .filter(Column::ImportId.eq(uuid_bytes(lease.import)))
        .filter(Column::State.eq(State::Running.into_str()))
        .filter(Column::LeaseOwner.eq(uuid_bytes(lease.owner)))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected > 0)
}

/// Ends an import of which no row waits.
pub async fn succeed(
    transaction: &DatabaseTransaction,
    lease: Lease,
    now: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Succeeded.into_str()))
        .col_expr(Column::FinishedAt, Expr::value(now.micros()))
        .filter(Column::ImportId.eq(uuid_bytes(lease.import)))
        .filter(Column::State.eq(State::Running.into_str()))
        .filter(Column::LeaseOwner.eq(uuid_bytes(lease.owner)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Gives a lease up: any worker may take the import after `until`.
pub async fn release(
    transaction: &DatabaseTransaction,
    lease: Lease,
    until: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until.micros()))
        .filter(Column::ImportId.eq(uuid_bytes(lease.import)))
        .filter(Column::LeaseOwner.eq(uuid_bytes(lease.owner)))
        .exec(transaction)
        .await?;
    Ok(())
}
