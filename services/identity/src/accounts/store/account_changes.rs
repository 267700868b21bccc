//! The table `account_changes`: append-only, in the order of the commits.

use lutong_kernel::Timestamp;
use lutong_storage::{StorageError, advisory};
use sea_orm::{
    ActiveValue::NotSet, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction,
    EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::account_change::{ActiveModel, Column, Entity, Model};
use crate::accounts::domain::{AccountAction, AccountChange, AccountId};

pub mod account_change {
    use sea_orm::entity::prelude::*;

    /// A change of an account by an operator.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_changes")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub sequence: i64,
        pub account_id: String,
        /// The version of the account after the change.
        pub version: i64,
        pub changed_at: i64,
        pub changed_by: String,
        pub action: String,
        /// What the account may do after the change.
        pub detail: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Advisory lock on PostgreSQL. Sequences are assigned before the commit; one writer at a time makes them visible in order, so that
/// a follower misses none. SQLite has one writer.
const LOCK: i64 = 0x6163_636f_756e_7473;

/// A change to record.
#[derive(Debug, Clone)]
pub struct NewChange {
    pub account: String,
    pub version: i64,
    pub at: Timestamp,
    pub by: String,
    pub action: AccountAction,
    pub detail: String,
}

impl TryFrom<Model> for AccountChange {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            sequence: row.sequence,
            account: row.account_id,
            version: row.version,
            at: Timestamp::from_micros(row.changed_at),
            by: row.changed_by,
            action: row
                .action
                .parse()
                .map_err(|_| StorageError::Damaged("account_changes.action".to_owned()))?,
            detail: row.detail,
        })
    }
}

/// Excludes other changes of accounts until the end of the transaction.
pub async fn lock(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    advisory::lock(transaction, LOCK).await
}

pub async fn insert(transaction: &DatabaseTransaction, change: NewChange) -> Result<(), StorageError> {
    let row = ActiveModel {
        sequence: NotSet,
        account_id: Set(change.account),
        version: Set(change.version),
        changed_at: Set(change.at.micros()),
        changed_by: Set(change.by),
        action: Set(change.action.into_str().to_owned()),
        detail: Set(change.detail),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Changes after a sequence, in order.
pub async fn after(
    connection: &impl ConnectionTrait,
    sequence: i64,
    limit: u64,
) -> Result<Vec<AccountChange>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Sequence.gt(sequence))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(AccountChange::try_from).collect()
}

/// The newest sequence; 0 when the table is empty.
pub async fn last(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Sequence.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

/// Changes of an account, the latest first.
pub async fn of(
    connection: &impl ConnectionTrait,
    id: &AccountId,
) -> Result<Vec<AccountChange>, StorageError> {
    let rows = Entity::find()
        .filter(Column::AccountId.eq(id.as_str()))
        .order_by_desc(Column::Sequence)
        .all(connection)
        .await?;
    rows.into_iter().map(AccountChange::try_from).collect()
}
