//! Subjects: who is to have a code, and where their latest decision stands.

use lutong_chassis::storage::StorageError;
use lutong_chassis::storage::column::{read_subject, subject_bytes};
use lutong_kernel::{SubjectId, Timestamp};
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::tables::statement;
use super::tables::subject::{ActiveModel, Column, Entity, Model};

/// A subject as it stands.
#[derive(Debug, Clone)]
pub struct SubjectRow {
    pub subject: SubjectId,
    pub enrolled_at: Option<Timestamp>,
    /// 0: no decision yet.
    pub version: i64,
    pub next_change_at: Option<Timestamp>,
}

impl TryFrom<Model> for SubjectRow {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            subject: read_subject(&row.subject_id, "subjects.subject_id")?,
            enrolled_at: row.enrolled_at.map(Timestamp::from_micros),
            version: row.version,
            next_change_at: row.next_change_at.map(Timestamp::from_micros),
        })
    }
}

impl From<&SubjectRow> for ActiveModel {
    fn from(row: &SubjectRow) -> Self {
        Self {
            subject_id: Set(subject_bytes(row.subject)),
            enrolled_at: Set(row.enrolled_at.map(Timestamp::micros)),
            version: Set(row.version),
            next_change_at: Set(row.next_change_at.map(Timestamp::micros)),
        }
    }
}

/// The rows of `subjects` (sorted), held until the end of the transaction: changes about one subject wait for each
/// other. On PostgreSQL rows that are not there yet are made first, to have something to hold; SQLite has one writer.
pub async fn hold(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
) -> Result<Vec<SubjectRow>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .order_by_asc(Column::SubjectId);
    if transaction.get_database_backend() == DbBackend::Postgres {
        let new = subjects.iter().map(|subject| ActiveModel {
            subject_id: Set(subject_bytes(*subject)),
            enrolled_at: Set(None),
            version: Set(0),
            next_change_at: Set(None),
        });
        Entity::insert_many(new)
            .on_conflict(OnConflict::column(Column::SubjectId).do_nothing().to_owned())
            .exec_without_returning(transaction)
            .await?;
        rows = rows.lock(LockType::Update);
    }
    let rows = rows.all(transaction).await?;
    rows.into_iter().map(SubjectRow::try_from).collect()
}

pub async fn find(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<Option<SubjectRow>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject)).one(connection).await?;
    row.map(SubjectRow::try_from).transpose()
}

pub async fn save(transaction: &DatabaseTransaction, rows: &[SubjectRow]) -> Result<(), StorageError> {
    if rows.is_empty() {
        return Ok(());
    }
    let latest = OnConflict::column(Column::SubjectId)
        .update_columns([Column::EnrolledAt, Column::Version, Column::NextChangeAt])
        .to_owned();
    Entity::insert_many(rows.iter().map(ActiveModel::from))
        .on_conflict(latest)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Subjects whose decision is due to change by `now`, the longest overdue first.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let found: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::NextChangeAt.lte(now.micros()))
        .order_by_asc(Column::NextChangeAt)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    found
        .iter()
        .map(|bytes| read_subject(bytes, "subjects.subject_id"))
        .collect()
}

/// Subjects after `after` that have a fact of `kind`, in order.
pub async fn with_kind(
    connection: &impl ConnectionTrait,
    kind: &str,
    after: Option<SubjectId>,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let mut query = statement::Entity::find()
        .select_only()
        .column(statement::Column::SubjectId)
        .distinct()
        .filter(statement::Column::Kind.eq(kind));
    if let Some(after) = after {
        query = query.filter(statement::Column::SubjectId.gt(subject_bytes(after)));
    }
    let found: Vec<Vec<u8>> = query
        .order_by_asc(statement::Column::SubjectId)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    found
        .iter()
        .map(|bytes| read_subject(bytes, "statements.subject_id"))
        .collect()
}
