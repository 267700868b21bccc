//! The table `code_notices`: who is still to be told that their code has changed. Several changes before the message are one notice.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::code_notice::{ActiveModel, Column, Entity};

pub mod code_notice {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "code_notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// When the message is to be sent, or to be sent again.
        pub due_at: i64,
        /// Until when it is worth sending.
        pub expires_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Notes that people are to be told now, until an instant at the latest.
pub async fn add(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StorageError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let rows = subjects.iter().map(|subject| ActiveModel {
        subject_id: Set(subject_bytes(*subject)),
        due_at: Set(now.micros()),
        expires_at: Set(expires_at.micros()),
    });
    Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(Column::SubjectId)
                .update_columns([Column::DueAt, Column::ExpiresAt])
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Whether a notice is due, or not worth sending any more.
pub async fn is_any_due(connection: &impl ConnectionTrait, now: Timestamp) -> Result<bool, StorageError> {
    let row = Entity::find().filter(Column::DueAt.lte(now.micros()));
    Ok(row.one(connection).await?.is_some())
}

/// Takes notices that are due, which are put off to `retry_at` with it: another worker leaves them alone until then.
pub async fn take_due(
    transaction: &DatabaseTransaction,
    now: Timestamp,
    retry_at: Timestamp,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let due: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::DueAt.lte(now.micros()))
        .filter(Column::ExpiresAt.gt(now.micros()))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::SubjectId)
        .limit(limit)
        .lock_exclusive()
        .into_tuple()
        .all(transaction)
        .await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let subjects = due.iter().map(|id| read_subject(id, "code_notices.subject_id"));
    let subjects = subjects.collect();
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(retry_at.micros()))
        .filter(one_of(Column::SubjectId, transaction.get_database_backend(), due))
        .exec(transaction)
        .await?;
    subjects
}

/// Deletes the notice of somebody who was told, unless their code has changed again since it was put off to `retry_at`.
pub async fn delete(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    retry_at: Timestamp,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::DueAt.eq(retry_at.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Deletes notices that are not worth sending any more.
pub async fn delete_expired(transaction: &DatabaseTransaction, now: Timestamp) -> Result<u64, StorageError> {
    let deleted = Entity::delete_many()
        .filter(Column::ExpiresAt.lte(now.micros()))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
