//! The changes of a binding. Each is guarded by the state before, and says whether it was made.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{subject_bytes, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::StoredBinding;
use super::binding::{ActiveModel, Column, Entity};
use crate::bindings::domain::{EndReason, State};

fn nothing() -> Expr {
    Expr::value(Option::<Vec<u8>>::None)
}

/// Stores a binding that waits.
pub async fn insert(transaction: &DatabaseTransaction, new: &StoredBinding) -> Result<(), StorageError> {
    let binding = &new.binding;
    let row = ActiveModel {
        binding_id: Set(uuid_bytes(binding.id)),
        binder_id: Set(subject_bytes(binding.binder)),
        ward_index: Set(new.ward_index.to_vec()),
        ward_key: Set(new.ward_key.to_vec()),
        ward_id: Set(binding.ward.map(subject_bytes)),
        ward_name: Set(new.sealed_name.clone()),
        relation: Set(binding.relation.into_str().to_owned()),
        state: Set(binding.state.into_str().to_owned()),
        created_at: Set(binding.created_at.micros()),
        activated_at: Set(None),
        of_age_at: Set(binding.of_age_at.map(Timestamp::micros)),
        ended_at: Set(None),
        end_reason: Set(None),
        notice_due_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// The binder may show the code from now on.
pub async fn activate(
    transaction: &DatabaseTransaction,
    id: Uuid,
    ward: SubjectId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Active.into_str()))
        .col_expr(Column::WardId, Expr::value(subject_bytes(ward)))
        .col_expr(Column::ActivatedAt, Expr::value(now.micros()))
        .filter(Column::BindingId.eq(uuid_bytes(id)))
        .filter(Column::State.eq(State::PendingConsent.into_str()))
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// Stores the end of an active binding, which is over once code-rendering knows it. With `notice_due_at` both are told.
pub async fn begin_end(
    transaction: &DatabaseTransaction,
    id: Uuid,
    reason: EndReason,
    notice_due_at: Option<Timestamp>,
) -> Result<bool, StorageError> {
    let notice = notice_due_at.map(Timestamp::micros);
    let changed = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Ending.into_str()))
        .col_expr(Column::EndReason, Expr::value(reason.into_str()))
        .col_expr(Column::NoticeDueAt, Expr::value(notice))
        .filter(Column::BindingId.eq(uuid_bytes(id)))
        .filter(Column::State.eq(State::Active.into_str()))
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// Code-rendering knows the end.
pub async fn finish_end(
    transaction: &DatabaseTransaction,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Ended.into_str()))
        .col_expr(Column::EndedAt, Expr::value(now.micros()))
        .col_expr(Column::WardName, nothing())
        .filter(Column::BindingId.eq(uuid_bytes(id)))
        .filter(Column::State.eq(State::Ending.into_str()))
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// Ends a binding that waits: code-rendering never knew it.
pub async fn end_pending(
    transaction: &DatabaseTransaction,
    id: Uuid,
    reason: EndReason,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Ended.into_str()))
        .col_expr(Column::EndReason, Expr::value(reason.into_str()))
        .col_expr(Column::EndedAt, Expr::value(now.micros()))
        .col_expr(Column::WardName, nothing())
        .filter(Column::BindingId.eq(uuid_bytes(id)))
        .filter(Column::State.eq(State::PendingConsent.into_str()))
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
}

/// Bindings whose notice is due.
pub async fn due_notices(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(StoredBinding, Timestamp)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::NoticeDueAt.lte(now.micros()))
        .order_by_asc(Column::NoticeDueAt)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter()
        .filter_map(|row| row.notice_due_at.map(|due| (row, Timestamp::from_micros(due))))
        .map(|(row, due)| Ok((StoredBinding::try_from(row)?, due)))
        .collect()
}

/// Puts a notice off, or with `None` ends it. Says `false` where another worker was faster.
pub async fn move_notice(
    transaction: &DatabaseTransaction,
    id: Uuid,
    from: Timestamp,
    to: Option<Timestamp>,
) -> Result<bool, StorageError> {
    let changed = Entity::update_many()
        .col_expr(Column::NoticeDueAt, Expr::value(to.map(Timestamp::micros)))
        .filter(Column::BindingId.eq(uuid_bytes(id)))
        .filter(Column::NoticeDueAt.eq(from.micros()))
        .exec(transaction)
        .await?;
    Ok(changed.rows_affected == 1)
}
