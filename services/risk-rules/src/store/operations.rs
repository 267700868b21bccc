//! Operations, and the subjects whose decisions one of them brings into force.

use lutong_chassis::storage::StorageError;
use lutong_chassis::storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_kernel::{SubjectId, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::tables::operation::{ActiveModel, Column, Entity, Model};
use super::tables::operation_subject as subject;
use crate::domain::operation::{Kind, Operation, State};

/// Rows of one statement.
const CHUNK: usize = 2_000;

impl TryFrom<Model> for Operation {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("operations.{what}"));
        Ok(Self {
            id: read_uuid(&row.id, "operations.id")?,
            kind: Kind::parse(&row.kind).ok_or_else(|| damaged("kind"))?,
            state: State::parse(&row.state).ok_or_else(|| damaged("state"))?,
            target: row.target,
            account: row.account,
            created_at: Timestamp::from_micros(row.created_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            done: row.done,
            total: row.total,
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
    /// Only those of an account.
    pub account: Option<String>,
    pub kind: Option<Kind>,
    pub state: Option<State>,
}

/// Those before an id, the newest first.
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

/// Those of a kind that go on, the oldest first.
pub async fn open(connection: &impl ConnectionTrait, kind: Kind) -> Result<Vec<Operation>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(is_open())
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    rows.into_iter().map(Operation::try_from).collect()
}

fn is_open() -> sea_orm::sea_query::SimpleExpr {
    Column::State.is_in(State::OPEN.map(State::as_str))
}

/// Ends one that goes on; `false` when it has ended.
pub async fn finish(
    transaction: &DatabaseTransaction,
    id: Uuid,
    state: State,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(at.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(is_open())
        .exec(transaction)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends whatever of a kind goes on for a resource.
pub async fn finish_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
    state: State,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(at.micros()))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Target.eq(target))
        .filter(is_open())
        .exec(transaction)
        .await?;
    Ok(())
}

/// What of a kind goes on for a resource, or went on last.
pub async fn of_target(
    connection: &impl ConnectionTrait,
    kind: Kind,
    target: &str,
) -> Result<Option<Operation>, StorageError> {
    let row = Entity::find()
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Target.eq(target))
        .order_by_desc(Column::Id)
        .one(connection)
        .await?;
    row.map(Operation::try_from).transpose()
}

/// Adds to how much is done of what goes on for a resource.
pub async fn add_done_of(
    transaction: &DatabaseTransaction,
    (kind, target): (Kind, &str),
    more: i64,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Done, Expr::col(Column::Done).add(more))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Target.eq(target))
        .filter(is_open())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to how much is done.
pub async fn add_done(transaction: &DatabaseTransaction, id: Uuid, more: u64) -> Result<(), StorageError> {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    Entity::update_many()
        .col_expr(Column::Done, Expr::col(Column::Done).add(more))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds to how much is done of one of a kind; of another kind nothing: it counts otherwise.
pub async fn add_done_of_kind(
    transaction: &DatabaseTransaction,
    (id, kind): (Uuid, Kind),
    more: u64,
) -> Result<(), StorageError> {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    Entity::update_many()
        .col_expr(Column::Done, Expr::col(Column::Done).add(more))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(Column::Kind.eq(kind.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Adds subjects whose decisions an operation is to bring into force; each once.
pub async fn add_subjects(
    transaction: &DatabaseTransaction,
    id: Uuid,
    subjects: &[SubjectId],
) -> Result<(), StorageError> {
    for chunk in subjects.chunks(CHUNK) {
        let rows = chunk.iter().map(|one| subject::ActiveModel {
            operation_id: Set(uuid_bytes(id)),
            subject_id: Set(subject_bytes(*one)),
        });
        let once = OnConflict::columns([subject::Column::OperationId, subject::Column::SubjectId])
            .do_nothing()
            .to_owned();
        subject::Entity::insert_many(rows)
            .on_conflict(once)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Subjects that an operation has not brought into force yet.
pub async fn waiting(
    connection: &impl ConnectionTrait,
    id: Uuid,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let rows: Vec<Vec<u8>> = subject::Entity::find()
        .select_only()
        .column(subject::Column::SubjectId)
        .filter(subject::Column::OperationId.eq(uuid_bytes(id)))
        .order_by_asc(subject::Column::SubjectId)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    let read = |bytes: Vec<u8>| read_subject(&bytes, "operation_subjects.subject_id");
    rows.into_iter().map(read).collect()
}

/// Notes that the decisions about subjects are in force.
pub async fn remove_subjects(
    transaction: &DatabaseTransaction,
    id: Uuid,
    subjects: &[SubjectId],
) -> Result<u64, StorageError> {
    let gone = subject::Entity::delete_many()
        .filter(subject::Column::OperationId.eq(uuid_bytes(id)))
        .filter(subject::Column::SubjectId.is_in(subjects.iter().map(|one| subject_bytes(*one))))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}

/// Forgets what ended before an instant.
pub async fn sweep(transaction: &DatabaseTransaction, before: Timestamp) -> Result<u64, StorageError> {
    let old = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::FinishedAt.lt(before.micros()))
        .to_owned();
    subject::Entity::delete_many()
        .filter(subject::Column::OperationId.in_subquery(old))
        .exec(transaction)
        .await?;
    let gone = Entity::delete_many()
        .filter(Column::FinishedAt.lt(before.micros()))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}
