//! The table of operations, and its SQL.

use lutong_kernel::Timestamp;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, UpdateMany,
};
use uuid::Uuid;

use super::{Failure, Kind, Operation, Outcome, State};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use table::{ActiveModel, Column, Entity, Model};

mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operations")]
    pub struct Model {
        /// UUIDv7, ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        pub kind: String,
        pub state: String,
        /// The name of a resource; may be empty.
        pub target: String,
        /// Who started it; may be empty.
        pub account: String,
        pub created_at: i64,
        pub finished_at: Option<i64>,
        pub done: i64,
        pub total: Option<i64>,
        /// Why it failed: a stable reason and its Chinese and English texts.
        pub error: Option<String>,
        pub error_zh: Option<String>,
        pub error_en: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<Model> for Operation {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("operations.{what}"));
        Ok(Self {
            id: read_uuid(&row.id, "operations.id")?,
            kind: row.kind.parse().map_err(|_| damaged("kind"))?,
            state: row.state.parse().map_err(|_| damaged("state"))?,
            target: row.target,
            account: row.account,
            created_at: Timestamp::from_micros(row.created_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            done: row.done,
            total: row.total,
            failure: row.error.map(|reason| Failure {
                reason,
                zh: row.error_zh.unwrap_or_default(),
                en: row.error_en.unwrap_or_default(),
            }),
        })
    }
}

pub async fn insert(transaction: &DatabaseTransaction, one: &Operation) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(uuid_bytes(one.id)),
        kind: Set(one.kind.as_str().to_owned()),
        state: Set(one.state.as_str().to_owned()),
        target: Set(one.target.clone()),
        account: Set(one.account.clone()),
        created_at: Set(one.created_at.micros()),
        finished_at: Set(one.finished_at.map(Timestamp::micros)),
        done: Set(one.done),
        total: Set(one.total),
        error: Set(None),
        error_zh: Set(None),
        error_en: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<Operation>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(Operation::try_from).transpose()
}

/// Which operations are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only operations of this account.
    pub account: Option<String>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
}

/// Operations before an id, newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Operation>, StorageError> {
    let mut query = Entity::find();
    if let Some(account) = &filter.account {
        query = query.filter(Column::Account.eq(account.as_str()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(Column::Kind.eq(kind.as_str()));
    }
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state.as_str()));
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Operation::try_from).collect()
}

/// Open operations of a kind after an id, oldest first.
pub async fn open(
    connection: &impl ConnectionTrait,
    kind: Kind,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Operation>, StorageError> {
    let mut query = Entity::find()
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(is_open());
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(uuid_bytes(after)));
    }
    let rows = query
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Operation::try_from).collect()
}

fn is_open() -> sea_orm::sea_query::SimpleExpr {
    Column::State.is_in(State::OPEN.map(State::as_str))
}

fn is_of(kind: Kind, target: &str) -> sea_orm::sea_query::SimpleExpr {
    Column::Kind.eq(kind.as_str()).and(Column::Target.eq(target))
}

/// Ends an open operation; `false` if it has already ended.
pub async fn finish(
    transaction: &DatabaseTransaction,
    id: Uuid,
    outcome: Outcome,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let done = end(outcome, at)
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends the open operations of a kind on a resource.
pub async fn finish_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
    outcome: Outcome,
    at: Timestamp,
) -> Result<(), StorageError> {
    end(outcome, at)
        .filter(is_of(kind, target))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends the running operations of a kind on a resource; queued ones stay.
pub async fn finish_running_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
    outcome: Outcome,
    at: Timestamp,
) -> Result<(), StorageError> {
    end(outcome, at)
        .filter(is_of(kind, target))
        .filter(Column::State.eq(State::Running.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

fn end(outcome: Outcome, at: Timestamp) -> UpdateMany<Entity> {
    let mut update = Entity::update_many()
        .col_expr(Column::State, Expr::value(outcome.state().as_str()))
        .col_expr(Column::FinishedAt, Expr::value(at.micros()))
        .filter(is_open());
    if let Outcome::Failed(Failure { reason, zh, en }) = outcome {
        update = update
            .col_expr(Column::Error, Expr::value(reason))
            .col_expr(Column::ErrorZh, Expr::value(zh))
            .col_expr(Column::ErrorEn, Expr::value(en));
    }
    update
}

/// Moves the operations of a kind on a resource from QUEUED to RUNNING.
pub async fn begin_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Running.as_str()))
        .filter(is_of(kind, target))
        .filter(Column::State.eq(State::Queued.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to the total of an open operation of an account; `false` if it has already ended.
pub async fn add_total(
    transaction: &DatabaseTransaction,
    (id, account): (Uuid, &str),
    more: i64,
) -> Result<bool, StorageError> {
    let added = Entity::update_many()
        .col_expr(Column::Total, Expr::col(Column::Total).add(more))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(Column::Account.eq(account))
        .filter(is_open())
        .exec(transaction)
        .await?;
    Ok(added.rows_affected == 1)
}

/// The latest operation of a kind on a resource.
pub async fn of_target(
    connection: &impl ConnectionTrait,
    kind: Kind,
    target: &str,
) -> Result<Option<Operation>, StorageError> {
    let row = Entity::find()
        .filter(is_of(kind, target))
        .order_by_desc(Column::Id)
        .one(connection)
        .await?;
    row.map(Operation::try_from).transpose()
}

/// The oldest queued operation of a kind on a resource.
pub async fn queued_of(
    connection: &impl ConnectionTrait,
    (kind, target): (Kind, &str),
) -> Result<Option<Operation>, StorageError> {
    let row = Entity::find()
        .filter(is_of(kind, target))
        .filter(Column::State.eq(State::Queued.as_str()))
        .order_by_asc(Column::Id)
        .one(connection)
        .await?;
    row.map(Operation::try_from).transpose()
}

fn more_done(more: i64) -> UpdateMany<Entity> {
    Entity::update_many().col_expr(Column::Done, Expr::col(Column::Done).add(more))
}

/// Adds to the progress of the running operations of a kind on a resource.
pub async fn add_done_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
    more: i64,
) -> Result<(), StorageError> {
    more_done(more)
        .filter(is_of(kind, target))
        .filter(Column::State.eq(State::Running.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to the progress of an operation.
pub async fn add_done(transaction: &DatabaseTransaction, id: Uuid, more: u64) -> Result<(), StorageError> {
    more_done(i64::try_from(more).unwrap_or(i64::MAX))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to the progress of an operation if it is of this kind; other kinds count progress differently.
pub async fn add_done_of_kind(
    transaction: &DatabaseTransaction,
    (id, kind): (Uuid, Kind),
    more: u64,
) -> Result<(), StorageError> {
    more_done(i64::try_from(more).unwrap_or(i64::MAX))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(Column::Kind.eq(kind.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ids of operations that ended before an instant.
pub async fn ended_before(
    connection: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<Uuid>, StorageError> {
    let ids: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::FinishedAt.lt(before.micros()))
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    ids.iter().map(|id| read_uuid(id, "operations.id")).collect()
}

/// Deletes operations.
pub async fn delete(transaction: &DatabaseTransaction, ids: &[Uuid]) -> Result<u64, StorageError> {
    let gone = Entity::delete_many()
        .filter(Column::Id.is_in(ids.iter().map(|id| uuid_bytes(*id))))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}
