//! What operators changed of accounts: append-only, in the order of the commits.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend,
    EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::tables::account_change::{ActiveModel, Column, Entity, Model};
use crate::domain::account::{AccountId, Action, Change};

/// Advisory lock on PostgreSQL. Sequences are given before the commit: one writer at a time makes them visible in order, so
/// that whoever follows misses none. SQLite has one writer.
const LOCK: i64 = 0x6163_636f_756e_7473;

/// A change to record.
#[derive(Debug, Clone)]
pub struct NewChange {
    pub account: String,
    pub version: i64,
    pub at: Timestamp,
    pub by: String,
    pub action: Action,
    pub detail: String,
}

impl TryFrom<Model> for Change {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let action = Action::ALL.into_iter().find(|one| one.as_str() == row.action);
        Ok(Self {
            sequence: row.sequence,
            account: row.account_id,
            version: row.version,
            at: Timestamp::from_micros(row.changed_at),
            by: row.changed_by,
            action: action.ok_or_else(|| StorageError::Damaged("account_changes.action".to_owned()))?,
            detail: row.detail,
        })
    }
}

/// Until the end of the transaction nobody else changes accounts.
pub async fn lock(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

pub async fn insert(transaction: &DatabaseTransaction, change: NewChange) -> Result<(), StorageError> {
    let row = ActiveModel {
        sequence: NotSet,
        account_id: Set(change.account),
        version: Set(change.version),
        changed_at: Set(change.at.micros()),
        changed_by: Set(change.by),
        action: Set(change.action.as_str().to_owned()),
        detail: Set(change.detail),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Those after a sequence, in order.
pub async fn after(
    connection: &impl ConnectionTrait,
    sequence: i64,
    limit: u64,
) -> Result<Vec<Change>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Sequence.gt(sequence))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Change::try_from).collect()
}

/// The newest sequence; 0 where there is none.
pub async fn last(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Sequence.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

/// Those of an account, the latest first.
pub async fn of(connection: &impl ConnectionTrait, id: &AccountId) -> Result<Vec<Change>, StorageError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(id.as_str()))
        .order_by_desc(Column::Sequence)
        .all(connection)
        .await?;
    rows.into_iter().map(Change::try_from).collect()
}
