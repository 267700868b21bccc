//! Rollbacks as stored, with their progress.

use lutong_kernel::{DivisionCode, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::approval::domain::Signature;
use crate::approval::store::signature;
use crate::rollbacks::domain::{FeedSpan, Outcome, Rollback, State};
use rollback::{ActiveModel, Column, Entity, Model};

/// The table `rollbacks`.
pub mod rollback {
    use sea_orm::entity::prelude::*;

    /// A rollback, proposed by one account and approved by another.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "rollbacks")]
    pub struct Model {
        /// A UUID of version 7: ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        pub source: String,
        pub from_at: i64,
        pub until_at: i64,
        pub reason: String,
        /// The divisions of the feed's grant, separated by blanks; empty: the whole province.
        pub divisions: String,
        /// Counts, as JSON.
        pub preview: String,
        pub state: String,
        /// Accounts.
        pub proposed_by: String,
        pub proposed_at: i64,
        pub approved_by: Option<String>,
        pub approved_at: Option<i64>,
        /// The account that rejected or withdrew it; of a finished rollback, the approving account.
        pub closed_by: Option<String>,
        pub closed_at: Option<i64>,
        /// The last subject whose statements have been undone.
        pub after: Option<Vec<u8>>,
        pub subjects: i64,
        pub retracted: i64,
        pub restated: i64,
        pub redecided: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("rollbacks.{what}"))
}

fn number(count: i64, what: &str) -> Result<usize, StorageError> {
    usize::try_from(count).map_err(|_| damaged(what))
}

impl TryFrom<Model> for Rollback {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let divisions = row.divisions.split_ascii_whitespace().map(DivisionCode::parse);
        Ok(Self {
            id: read_uuid(&row.id, "rollbacks.id")?,
            span: FeedSpan {
                source: row.source,
                from: Timestamp::from_micros(row.from_at),
                until: Timestamp::from_micros(row.until_at),
                reason: row.reason,
            },
            divisions: divisions
                .collect::<Result<_, _>>()
                .map_err(|_| damaged("divisions"))?,
            preview: serde_json::from_str(&row.preview).map_err(|_| damaged("preview"))?,
            state: row.state.parse().map_err(|_| damaged("state"))?,
            proposed: Signature {
                officer: row.proposed_by,
                at: Timestamp::from_micros(row.proposed_at),
            },
            approved: signature(row.approved_by, row.approved_at),
            closed: signature(row.closed_by, row.closed_at),
            after: row
                .after
                .map(|bytes| read_subject(&bytes, "rollbacks.after"))
                .transpose()?,
            outcome: Outcome {
                subjects: number(row.subjects, "subjects")?,
                retracted: number(row.retracted, "retracted")?,
                restated: number(row.restated, "restated")?,
                redecided: number(row.redecided, "redecided")?,
            },
        })
    }
}

pub async fn insert(transaction: &DatabaseTransaction, one: &Rollback) -> Result<(), StorageError> {
    let divisions: Vec<_> = one.divisions.iter().map(ToString::to_string).collect();
    let row = ActiveModel {
        id: Set(uuid_bytes(one.id)),
        source: Set(one.span.source.clone()),
        from_at: Set(one.span.from.micros()),
        until_at: Set(one.span.until.micros()),
        reason: Set(one.span.reason.clone()),
        divisions: Set(divisions.join(" ")),
        // Plain data; serialising it cannot fail.
        preview: Set(serde_json::to_string(&one.preview).unwrap_or_default()),
        state: Set(one.state.into_str().to_owned()),
        proposed_by: Set(one.proposed.officer.clone()),
        proposed_at: Set(one.proposed.at.micros()),
        approved_by: Set(None),
        approved_at: Set(None),
        closed_by: Set(None),
        closed_at: Set(None),
        after: Set(None),
        subjects: Set(0),
        retracted: Set(0),
        restated: Set(0),
        redecided: Set(0),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<Rollback>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(Rollback::try_from).transpose()
}

/// One rollback, locked until the end of the transaction.
pub async fn lock(transaction: &DatabaseTransaction, id: Uuid) -> Result<Option<Rollback>, StorageError> {
    let query = Entity::find_by_id(uuid_bytes(id)).lock_exclusive();
    query.one(transaction).await?.map(Rollback::try_from).transpose()
}

/// Stores the approval: from now on the span is being undone.
pub async fn approve(
    transaction: &DatabaseTransaction,
    id: Uuid,
    approved: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Approved.into_str()))
        .col_expr(Column::ApprovedBy, Expr::value(approved.officer.as_str()))
        .col_expr(Column::ApprovedAt, Expr::value(approved.at.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores the end of a rollback.
pub async fn close(
    transaction: &DatabaseTransaction,
    id: Uuid,
    state: State,
    closed: &Signature,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.into_str()))
        .col_expr(Column::ClosedBy, Expr::value(closed.officer.as_str()))
        .col_expr(Column::ClosedAt, Expr::value(closed.at.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to the progress, up to a subject. Two workers may process one rollback; the counts add up.
pub async fn advance(
    transaction: &DatabaseTransaction,
    id: Uuid,
    after: SubjectId,
    more: &Outcome,
) -> Result<(), StorageError> {
    let add = |column: Column, count: usize| {
        Expr::col(column).add(Expr::value(i64::try_from(count).unwrap_or(i64::MAX)))
    };
    Entity::update_many()
        .col_expr(Column::After, Expr::value(subject_bytes(after)))
        .col_expr(Column::Subjects, add(Column::Subjects, more.subjects))
        .col_expr(Column::Retracted, add(Column::Retracted, more.retracted))
        .col_expr(Column::Restated, add(Column::Restated, more.restated))
        .col_expr(Column::Redecided, add(Column::Redecided, more.redecided))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Rollbacks before an id, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Rollback>, StorageError> {
    let mut query = Entity::find();
    if let Some(state) = state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Rollback::try_from).collect()
}

/// Unfinished rollbacks that were approved by an instant.
pub async fn unfinished(
    connection: &impl ConnectionTrait,
    approved_before: Timestamp,
) -> Result<Vec<Rollback>, StorageError> {
    let rows = Entity::find()
        .filter(Column::State.eq(State::Approved.into_str()))
        .filter(Column::ApprovedAt.lte(approved_before.micros()))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    rows.into_iter().map(Rollback::try_from).collect()
}
