//! Declarations that wait for a step: a worker leases those that are due by moving the instant of their next check.

use lutong_kernel::{ApplicationId, Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::uuid_bytes;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::declaration::{Column, Entity};
use super::read;
use crate::declarations::domain::Declaration;

/// Leases the declarations that have been due the longest, until an instant.
pub async fn lease(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    now: Timestamp,
    until: Timestamp,
    limit: u64,
) -> Result<Vec<Declaration>, Fault> {
    let rows = Entity::find()
        .filter(Column::NextCheckAt.lte(now.micros()))
        .order_by_asc(Column::NextCheckAt)
        .limit(limit)
        // What another worker is leasing is left to it.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(transaction)
        .await
        .map_err(StorageError::from)?;
    for row in &rows {
        Entity::update_many()
            .col_expr(Column::NextCheckAt, Expr::value(until.micros()))
            .filter(Column::SubjectId.eq(row.subject_id.clone()))
            .filter(Column::DeclarationId.eq(row.declaration_id.clone()))
            .exec(transaction)
            .await
            .map_err(StorageError::from)?;
    }
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

/// A declaration of an account that still waits for a step.
pub async fn find(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    account: &[u8; 32],
    id: ApplicationId,
) -> Result<Option<Declaration>, Fault> {
    let row = Entity::find()
        .filter(Column::Account.eq(account.to_vec()))
        .filter(Column::DeclarationId.eq(uuid_bytes(id.uuid())))
        .filter(Column::PendingStep.is_not_null())
        // A concurrent proof is waited for.
        .lock_exclusive()
        .one(transaction)
        .await
        .map_err(StorageError::from)?;
    row.map(|row| read(cipher, row)).transpose()
}
