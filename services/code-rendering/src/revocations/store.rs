//! The tables `revocations` and `revocation_head`. A revocation gets its sequence under the lock of the head, which is held until the
//! commit: whoever has read up to a sequence misses none before it.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::revocation::{ActiveModel, Column, Entity};
use crate::issued_codes::domain::IssuedTokenId;

pub mod revocation {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "revocations")]
    pub struct Model {
        /// 1, 2, … in the order of the commits.
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub token_id: Vec<u8>,
        /// When the token would have expired: from then on no door needs the row.
        pub expires_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod head {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "revocation_head")]
    pub struct Model {
        /// 1: the table has one row.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        /// Of the last revocation.
        pub sequence: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn missing() -> StorageError {
    StorageError::Damaged("revocation_head has no row".to_owned())
}

/// Appends revocations of tokens with the instants at which they would have expired.
pub async fn append(
    transaction: &DatabaseTransaction,
    revoked: Vec<(IssuedTokenId, Timestamp)>,
) -> Result<(), StorageError> {
    let count = i64::try_from(revoked.len()).map_err(|_| missing())?;
    head::Entity::update_many()
        .col_expr(
            head::Column::Sequence,
            Expr::col(head::Column::Sequence).add(count),
        )
        .exec(transaction)
        .await?;
    let last = last_sequence(transaction).await?;
    let rows = (last - count + 1..)
        .zip(revoked)
        .map(|(sequence, (token_id, expires_at))| ActiveModel {
            sequence: Set(sequence),
            token_id: Set(token_id.to_vec()),
            expires_at: Set(expires_at.micros()),
        });
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// The sequence of the last committed revocation, 0 before the first.
pub async fn last_sequence(connection: &impl ConnectionTrait) -> Result<i64, StorageError> {
    let head = head::Entity::find_by_id(1_i64).one(connection).await?;
    Ok(head.ok_or_else(missing)?.sequence)
}

/// The tokens whose revocations come after `after`, at most `limit`, by sequence, and when they expire.
pub async fn list(
    connection: &impl ConnectionTrait,
    after: i64,
    last: i64,
    limit: u64,
) -> Result<Vec<(i64, IssuedTokenId, Timestamp)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Sequence.gt(after))
        .filter(Column::Sequence.lte(last))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    let rows = rows.into_iter().map(|row| {
        let token_id = row.token_id.try_into();
        let token_id = token_id.map_err(|_| StorageError::Damaged("revocations.token_id".to_owned()))?;
        Ok((row.sequence, token_id, Timestamp::from_micros(row.expires_at)))
    });
    rows.collect()
}

/// Deletes revocations of tokens that expired before an instant. Their sequences are not used again.
pub async fn delete_expired(
    transaction: &DatabaseTransaction,
    before: Timestamp,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::ExpiresAt.lt(before.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}
