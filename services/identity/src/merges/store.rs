//! The table `merges`.

use std::collections::BTreeSet;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::{StorageError, advisory};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::merge::{ActiveModel, Column, Entity, Model};
use super::domain::{Merge, MergeId};

pub mod merge {
    use sea_orm::entity::prelude::*;

    /// A subject that is the same person as another.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "merges")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub from_id: Vec<u8>,
        /// The version of the merge. Undoing it is the next version.
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub into_id: Vec<u8>,
        pub merged_at: i64,
        pub merged_by: String,
        pub reason: String,
        pub unmerged_at: Option<i64>,
        pub unmerged_by: Option<String>,
        pub unmerge_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Advisory lock on PostgreSQL: merges are checked and stored one at a time. SQLite has one writer.
const LOCK: i64 = 0x006d_6572_6765;

/// Who merges or undoes a merge, why and when.
#[derive(Debug, Clone)]
pub struct MergeAction {
    pub by: String,
    pub reason: String,
    pub at: Timestamp,
}

/// A merge, and who made and undid it for which reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedMerge {
    pub merge: Merge,
    pub created_by: String,
    pub reason: String,
    pub undone_by: Option<String>,
    pub undo_reason: Option<String>,
}

/// Selects merges; `None` selects all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// A subject on either side of the merge.
    pub subject: Option<SubjectId>,
    pub in_force: Option<bool>,
}

/// The position of a merge in the list, which has the newest first: the key of a page token.
#[derive(Debug, Clone, Copy)]
pub struct MergePosition {
    merged_at: i64,
    from: SubjectId,
    version: i64,
}

impl MergePosition {
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

    /// Selects the merges after this position.
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

impl TryFrom<Model> for RecordedMerge {
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

/// Excludes other merges until the end of the transaction.
pub async fn lock(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    advisory::lock(transaction, LOCK).await
}

/// The latest merge of `from`, in force or undone.
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
) -> Result<Option<RecordedMerge>, StorageError> {
    let row = Entity::find_by_id((subject_bytes(id.from), id.version))
        .one(connection)
        .await?;
    row.map(RecordedMerge::try_from).transpose()
}

/// Merges of a filter after a position, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    filter: Filter,
    after: Option<MergePosition>,
    limit: u64,
) -> Result<Vec<RecordedMerge>, StorageError> {
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
    rows.into_iter().map(RecordedMerge::try_from).collect()
}

/// The subjects that are one person with `subject` now, itself included.
pub async fn same_person(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<BTreeSet<SubjectId>, StorageError> {
    let (mut found, mut frontier) = (BTreeSet::from([subject]), vec![subject_bytes(subject)]);
    while !frontier.is_empty() {
        let touching = Condition::any()
            .add(Column::FromId.is_in(frontier.iter().cloned()))
            .add(Column::IntoId.is_in(frontier.iter().cloned()));
        let rows = Entity::find()
            .filter(touching)
            .filter(Column::UnmergedAt.is_null())
            .all(connection)
            .await?;
        frontier.clear();
        for row in rows {
            for bytes in [row.from_id, row.into_id] {
                if found.insert(read_subject(&bytes, "merges")?) {
                    frontier.push(bytes);
                }
            }
        }
    }
    Ok(found)
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    merge: &Merge,
    action: &MergeAction,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        from_id: Set(subject_bytes(merge.from)),
        version: Set(merge.version),
        into_id: Set(subject_bytes(merge.into)),
        merged_at: Set(merge.merged_at.micros()),
        merged_by: Set(action.by.clone()),
        reason: Set(action.reason.clone()),
        unmerged_at: Set(None),
        unmerged_by: Set(None),
        unmerge_reason: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Stores the undoing of a merge.
pub async fn undo(
    transaction: &DatabaseTransaction,
    merge: &Merge,
    action: &MergeAction,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::UnmergedAt, Expr::value(action.at.micros()))
        .col_expr(Column::UnmergedBy, Expr::value(action.by.clone()))
        .col_expr(Column::UnmergeReason, Expr::value(action.reason.clone()))
        .filter(Column::FromId.eq(subject_bytes(merge.from)))
        .filter(Column::Version.eq(merge.version))
        .exec(transaction)
        .await?;
    Ok(())
}
