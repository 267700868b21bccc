//! The table `followed_codes`.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::followed_code::{ActiveModel, Column, Entity};
use super::domain::ChangedCode;
use crate::partners::domain::PartnerId;

pub mod followed_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "followed_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        pub reference: String,
        pub followed_until: i64,
        /// Since when the partner is to be told how it stands; absent when it was told.
        pub changed_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Follows a code. One that was not followed so far is told at once: what happened to it between its verification and now nobody noted.
pub async fn follow(
    transaction: &DatabaseTransaction,
    (subject, partner): (SubjectId, PartnerId),
    reference: String,
    now: Timestamp,
    until: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        subject_id: Set(subject_bytes(subject)),
        partner: Set(partner.to_string()),
        reference: Set(reference),
        followed_until: Set(until.micros()),
        changed_at: Set(Some(now.micros())),
    };
    let again = OnConflict::columns([Column::SubjectId, Column::Partner])
        .update_column(Column::FollowedUntil)
        .to_owned();
    Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Notes that somebody's code has changed, for each partner that follows it.
pub async fn note_change(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ChangedAt, Expr::value(at.micros()))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::FollowedUntil.gt(at.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The codes that a partner is to be told of, those that changed first.
pub async fn changed(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    limit: u64,
) -> Result<Vec<ChangedCode>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::ChangedAt.is_not_null())
        .order_by_asc(Column::ChangedAt)
        .order_by_asc(Column::SubjectId)
        .limit(limit)
        .all(connection)
        .await?;
    let code = |row: followed_code::Model| {
        Ok(ChangedCode {
            subject: read_subject(&row.subject_id, "followed_codes.subject_id")?,
            reference: row.reference,
            changed_at: Timestamp::from_micros(row.changed_at.unwrap_or_default()),
        })
    };
    rows.into_iter().map(code).collect()
}

/// The partner is told of these. What changed again meanwhile is told again.
pub async fn set_told(
    transaction: &DatabaseTransaction,
    partner: PartnerId,
    codes: &[ChangedCode],
) -> Result<(), StorageError> {
    // Few parameters a statement, whatever the engine allows.
    for some in codes.chunks(500) {
        let one = |code: &ChangedCode| {
            Condition::all()
                .add(Column::SubjectId.eq(subject_bytes(code.subject)))
                .add(Column::ChangedAt.eq(code.changed_at.micros()))
        };
        Entity::update_many()
            .col_expr(Column::ChangedAt, Expr::value(Option::<i64>::None))
            .filter(Column::Partner.eq(partner.to_string()))
            .filter(some.iter().fold(Condition::any(), |any, code| any.add(one(code))))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// Those of these references that are followed for a partner.
pub async fn of_references(
    connection: &impl ConnectionTrait,
    partner: PartnerId,
    references: &[String],
) -> Result<Vec<(String, SubjectId)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Partner.eq(partner.to_string()))
        .filter(Column::Reference.is_in(references))
        .all(connection)
        .await?;
    let code = |row: followed_code::Model| {
        let subject = read_subject(&row.subject_id, "followed_codes.subject_id")?;
        Ok((row.reference, subject))
    };
    rows.into_iter().map(code).collect()
}

/// Follows no longer what was not verified for a long time.
pub async fn forget(transaction: &DatabaseTransaction, now: Timestamp) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::FollowedUntil.lte(now.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}
