//! How many declarations somebody has made since an instant.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::subject_bytes;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _,
};

use super::declaration::{Column, Entity};
use super::earlier::lock;
use crate::declarations::domain::DeclarationKind;

/// Daily reports of a person; no other one of this person is counted until the transaction ends.
pub async fn daily_reports(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    since: Timestamp,
) -> Result<u64, StorageError> {
    lock(transaction, subject).await?;
    let made = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::Kind.eq(DeclarationKind::DailyReport.into_str()))
        .filter(Column::CreatedAt.gte(since.micros()))
        .count(transaction)
        .await?;
    Ok(made)
}

/// Applications of an account that replace another one.
pub async fn edits(
    connection: &impl ConnectionTrait,
    account: &[u8; 32],
    since: Timestamp,
) -> Result<u64, StorageError> {
    let made = Entity::find()
        .filter(Column::Account.eq(account.to_vec()))
        .filter(Column::Replaces.is_not_null())
        .filter(Column::CreatedAt.gte(since.micros()))
        .count(connection)
        .await?;
    Ok(made)
}
