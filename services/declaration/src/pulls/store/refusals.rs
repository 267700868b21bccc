//! The table `pull_refusals`: the last refused rows of each source.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use self::pull_refusal as refusal;

pub mod pull_refusal {
    use sea_orm::entity::prelude::*;

    /// A refused row of a page: its position and the reason, without its values.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pull_refusals")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub number: i64,
        pub source: String,
        /// The cursor of the request for its page.
        pub after: String,
        /// The row in the page, from 1.
        pub row: i32,
        pub field: String,
        pub reason: String,
        pub at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The most refusals that are kept of a source.
const MAX_REFUSALS: u64 = 100;

/// A refused row: its position and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub after: String,
    pub row: i32,
    pub field: String,
    pub reason: String,
    pub at: Timestamp,
}

/// Adds refusals and deletes the oldest ones beyond the limit.
pub async fn add(
    transaction: &DatabaseTransaction,
    source: &str,
    refusals: Vec<Refusal>,
) -> Result<(), StorageError> {
    if refusals.is_empty() {
        return Ok(());
    }
    let rows = refusals.into_iter().map(|one| refusal::ActiveModel {
        number: NotSet,
        source: Set(source.to_owned()),
        after: Set(one.after),
        row: Set(one.row),
        field: Set(one.field),
        reason: Set(one.reason),
        at: Set(one.at.micros()),
    });
    refusal::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    let oldest_kept: Option<i64> = refusal::Entity::find()
        .select_only()
        .column(refusal::Column::Number)
        .filter(refusal::Column::Source.eq(source))
        .order_by_desc(refusal::Column::Number)
        .offset(MAX_REFUSALS - 1)
        .limit(1)
        .into_tuple()
        .one(transaction)
        .await?;
    if let Some(oldest_kept) = oldest_kept {
        refusal::Entity::delete_many()
            .filter(refusal::Column::Source.eq(source))
            .filter(refusal::Column::Number.lt(oldest_kept))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// The last refusals of a source, the newest first.
pub async fn list(connection: &impl ConnectionTrait, source: &str) -> Result<Vec<Refusal>, StorageError> {
    let rows = refusal::Entity::find()
        .filter(refusal::Column::Source.eq(source))
        .order_by_desc(refusal::Column::Number)
        .limit(MAX_REFUSALS)
        .all(connection)
        .await?;
    let read = |row: refusal::Model| Refusal {
        after: row.after,
        row: row.row,
        field: row.field,
        reason: row.reason,
        at: Timestamp::from_micros(row.at),
    };
    Ok(rows.into_iter().map(read).collect())
}
