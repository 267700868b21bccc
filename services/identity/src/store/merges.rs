//! Which subjects are one person.

use std::collections::BTreeSet;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, DbBackend,
    EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::tables::merge::{ActiveModel, Column, Entity, Model};
use crate::domain::merge::{Merge, MergeId};

/// Advisory lock on PostgreSQL: what is one person is decided one after the other. SQLite has one writer.
const LOCK: i64 = 0x006d_6572_6765;

/// Who noted a merge, and how it is known.
#[derive(Debug, Clone)]
pub struct Noted {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// A merge with who noted it and who undid it, and how it was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedMerge {
    pub merge: Merge,
    pub created_by: String,
    pub reason: String,
    pub undone_by: Option<String>,
    pub undo_reason: Option<String>,
}

/// Which merges; `None` lets all through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// On either side.
    pub subject: Option<SubjectId>,
    pub in_force: Option<bool>,
}

/// Where a merge lies in the list of all, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    merged_at: i64,
    from: SubjectId,
    version: i64,
}

impl Place {
    pub const fn of(merge: &Merge) -> Self {
        Self {
            merged_at: merge.merged_at.micros(),
            from: merge.from,
            version: merge.version,
        }
    }

    pub fn write(self) -> Vec<u8> {
        [
            &self.merged_at.to_be_bytes()[..],
            self.from.uuid().as_bytes(),
            &self.version.to_be_bytes(),
        ]
        .concat()
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (merged_at, rest) = bytes.split_first_chunk::<8>()?;
        let (from, version) = rest.split_first_chunk::<16>()?;
        Some(Self {
            merged_at: i64::from_be_bytes(*merged_at),
            from: SubjectId::from_uuid(uuid::Uuid::from_bytes(*from)),
            version: i64::from_be_bytes(version.try_into().ok()?),
        })
    }

    /// What lies after it.
    fn beyond(self) -> Condition {
        let from = subject_bytes(self.from);
        let same_instant = Column::MergedAt.eq(self.merged_at);
        Condition::any()
            .add(Column::MergedAt.lt(self.merged_at))
            .add(same_instant.clone().and(Column::FromId.gt(from.clone())))
            .add(
                same_instant
                    .and(Column::FromId.eq(from))
                    .and(Column::Version.lt(self.version)),
            )
    }
}

impl TryFrom<Model> for NotedMerge {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            created_by: row.merged_by.clone(),
            reason: row.reason.clone(),
            undone_by: row.unmerged_by.clone(),
            undo_reason: row.unmerge_reason.clone(),
            merge: Merge::try_from(row)?,
        })
    }
}

impl TryFrom<Model> for Merge {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        Ok(Self {
            from: read_subject(&row.from_id, "merges.from_id")?,
            into: read_subject(&row.into_id, "merges.into_id")?,
            version: row.version,
            merged_at: Timestamp::from_micros(row.merged_at),
            unmerged_at: row.unmerged_at.map(Timestamp::from_micros),
        })
    }
}

/// Until the end of the transaction nobody else merges.
pub async fn lock(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// The latest merge of `from`, also one that was undone.
pub async fn latest(
    connection: &impl ConnectionTrait,
    from: SubjectId,
) -> Result<Option<Merge>, StorageError> {
    let row = Entity::find()
        .filter(Column::FromId.eq(subject_bytes(from)))
        .order_by_desc(Column::Version)
        .one(connection)
        .await?;
    row.map(Merge::try_from).transpose()
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: MergeId,
) -> Result<Option<NotedMerge>, StorageError> {
    let row = Entity::find_by_id((subject_bytes(id.from), id.version))
        .one(connection)
        .await?;
    row.map(NotedMerge::try_from).transpose()
}

/// The newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: Filter,
    after: Option<Place>,
    limit: u64,
) -> Result<Vec<NotedMerge>, StorageError> {
    let mut rows = Entity::find()
        .order_by_desc(Column::MergedAt)
        .order_by_asc(Column::FromId)
        .order_by_desc(Column::Version)
        .limit(limit);
    if let Some(subject) = filter.subject.map(subject_bytes) {
        let touching = Condition::any()
            .add(Column::FromId.eq(subject.clone()))
            .add(Column::IntoId.eq(subject));
        rows = rows.filter(touching);
    }
    if let Some(in_force) = filter.in_force {
        rows = rows.filter(if in_force {
            Column::UnmergedAt.is_null()
        } else {
            Column::UnmergedAt.is_not_null()
        });
    }
    if let Some(after) = after {
        rows = rows.filter(after.beyond());
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(NotedMerge::try_from).collect()
}

/// Everybody who is one person with `subject` now, itself too.
pub async fn together(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<BTreeSet<SubjectId>, StorageError> {
    let (mut found, mut asked) = (BTreeSet::from([subject]), vec![subject_bytes(subject)]);
    while !asked.is_empty() {
        let touching = Condition::any()
            .add(Column::FromId.is_in(asked.iter().cloned()))
            .add(Column::IntoId.is_in(asked.iter().cloned()));
        let rows = Entity::find()
            .filter(touching)
            .filter(Column::UnmergedAt.is_null())
            .all(connection)
            .await?;
        asked.clear();
        for row in rows {
            for bytes in [row.from_id, row.into_id] {
                if found.insert(read_subject(&bytes, "merges")?) {
                    asked.push(bytes);
                }
            }
        }
    }
    Ok(found)
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    merge: &Merge,
    noted: &Noted,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        from_id: Set(subject_bytes(merge.from)),
        version: Set(merge.version),
        into_id: Set(subject_bytes(merge.into)),
        merged_at: Set(merge.merged_at.micros()),
        merged_by: Set(noted.by.clone()),
        reason: Set(noted.reason.clone()),
        unmerged_at: Set(None),
        unmerged_by: Set(None),
        unmerge_reason: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn end(
    transaction: &DatabaseTransaction,
    merge: &Merge,
    noted: &Noted,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::UnmergedAt, Expr::value(noted.at.micros()))
        .col_expr(Column::UnmergedBy, Expr::value(noted.by.clone()))
        .col_expr(Column::UnmergeReason, Expr::value(noted.reason.clone()))
        .filter(Column::FromId.eq(subject_bytes(merge.from)))
        .filter(Column::Version.eq(merge.version))
        .exec(transaction)
        .await?;
    Ok(())
}
