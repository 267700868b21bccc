//! The table `door_report_head`. A change of a report gets its sequence under the lock of the head, which is held until the commit:
//! whoever has read up to a sequence misses none before it.

use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _};

use self::door_report_head::{Column, Entity};

pub mod door_report_head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "door_report_head")]
    pub struct Model {
        /// 1: the table has one row.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// Of the last change.
        pub sequence: i64,
        /// Which database this is; absent until the service first starts on it.
        pub log_id: Option<Vec<u8>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Tells this database from another one in a cursor.
pub type LogId = [u8; 16];

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub log: LogId,
    pub sequence: i64,
}

fn damaged() -> StorageError {
    StorageError::Damaged("door_report_head".to_owned())
}

/// Gives a new database its id; one that has an id keeps it.
pub async fn begin(transaction: &DatabaseTransaction, log: LogId) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::LogId, Expr::value(log.to_vec()))
        .filter(Column::LogId.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// The end of the log: every change up to it is committed.
pub async fn read(connection: &impl ConnectionTrait) -> Result<Head, StorageError> {
    let head = Entity::find_by_id(1_i64).one(connection).await?;
    let head = head.ok_or_else(damaged)?;
    let log = head.log_id.ok_or_else(damaged)?;
    Ok(Head {
        log: log.try_into().map_err(|_| damaged())?,
        sequence: head.sequence,
    })
}

/// The sequence of a change that is made in this transaction. To be called last, because it makes other changes wait.
pub async fn next_sequence(transaction: &DatabaseTransaction) -> Result<i64, StorageError> {
    Entity::update_many()
        .col_expr(Column::Sequence, Expr::col(Column::Sequence).add(1_i64))
        .exec(transaction)
        .await?;
    Ok(read(transaction).await?.sequence)
}
