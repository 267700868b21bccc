//! Verifications of history as stored, with their progress.

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::history::domain::Break;
use history_verification::{ActiveModel, Column, Entity, Model};

/// The table `history_verifications`.
pub mod history_verification {
    use sea_orm::entity::prelude::*;

    /// A verification of the chains of decisions, with its progress.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "history_verifications")]
    pub struct Model {
        /// A UUID of version 7: ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Vec<u8>,
        /// Absent if everybody is verified.
        pub subject_id: Option<Vec<u8>>,
        pub created_at: i64,
        pub finished_at: Option<i64>,
        pub cancelled_at: Option<i64>,
        /// The last subject that was verified.
        pub after: Option<Vec<u8>>,
        pub subjects: i64,
        pub intact: i64,
        pub erased: i64,
        pub broken: i64,
        /// The first breaks, as JSON.
        pub breaks: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Number of breaks that are stored individually; further ones are only counted.
const MOST: usize = 1_000;

/// A defect in the chain of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryBreak {
    pub subject: SubjectId,
    pub version: i64,
    pub what: Break,
}

/// The counts of a verification so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub subjects: i64,
    pub intact: i64,
    pub erased: i64,
    pub broken: i64,
    pub breaks: Vec<HistoryBreak>,
}

impl Counts {
    pub fn add(&mut self, more: Self) {
        self.subjects += more.subjects;
        self.intact += more.intact;
        self.erased += more.erased;
        self.broken += more.broken;
        let room = MOST.saturating_sub(self.breaks.len());
        self.breaks.extend(more.breaks.into_iter().take(room));
    }
}

/// A verification of the history of one subject or of everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub id: Uuid,
    /// `None`: everybody.
    pub subject: Option<SubjectId>,
    pub created_at: Timestamp,
    /// Set when the verification is finished or cancelled.
    pub finished_at: Option<Timestamp>,
    pub is_cancelled: bool,
    /// The last subject that was verified.
    pub after: Option<SubjectId>,
    pub counts: Counts,
}

/// `history-verifications/{history_verification}`.
pub fn name(id: Uuid) -> String {
    format!("history-verifications/{id}")
}

impl Verification {
    pub fn name(&self) -> String {
        name(self.id)
    }
}

#[derive(Serialize, Deserialize)]
struct Row(SubjectId, i64, String);

fn written(breaks: &[HistoryBreak]) -> String {
    let rows = breaks
        .iter()
        .map(|one| Row(one.subject, one.version, one.what.into_str().to_owned()));
    // Plain data; serialising it cannot fail.
    serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default()
}

fn read(json: &str) -> Option<Vec<HistoryBreak>> {
    let rows: Vec<Row> = serde_json::from_str(json).ok()?;
    let broken = |Row(subject, version, what): Row| {
        Some(HistoryBreak {
            subject,
            version,
            what: what.parse().ok()?,
        })
    };
    rows.into_iter().map(broken).collect()
}

impl TryFrom<Model> for Verification {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let subject = |bytes: Option<Vec<u8>>, what: &str| {
            let read = bytes.map(|bytes| read_subject(&bytes, &format!("history_verifications.{what}")));
            read.transpose()
        };
        let damaged = || StorageError::Damaged("history_verifications.breaks".to_owned());
        Ok(Self {
            id: read_uuid(&row.id, "history_verifications.id")?,
            subject: subject(row.subject_id, "subject_id")?,
            created_at: Timestamp::from_micros(row.created_at),
            finished_at: row.finished_at.map(Timestamp::from_micros),
            is_cancelled: row.cancelled_at.is_some(),
            after: subject(row.after, "after")?,
            counts: Counts {
                subjects: row.subjects,
                intact: row.intact,
                erased: row.erased,
                broken: row.broken,
                breaks: read(&row.breaks).ok_or_else(damaged)?,
            },
        })
    }
}

pub async fn insert(transaction: &DatabaseTransaction, one: &Verification) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(uuid_bytes(one.id)),
        subject_id: Set(one.subject.map(subject_bytes)),
        created_at: Set(one.created_at.micros()),
        finished_at: Set(None),
        cancelled_at: Set(None),
        after: Set(None),
        subjects: Set(0),
        intact: Set(0),
        erased: Set(0),
        broken: Set(0),
        breaks: Set(written(&[])),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<Verification>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id)).one(connection).await?;
    row.map(Verification::try_from).transpose()
}

/// Verifications before an id, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Verification>, StorageError> {
    let mut query = Entity::find();
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Verification::try_from).collect()
}

/// The oldest unfinished verification.
pub async fn unfinished(connection: &impl ConnectionTrait) -> Result<Option<Verification>, StorageError> {
    let row = Entity::find()
        .filter(Column::FinishedAt.is_null())
        .order_by_asc(Column::Id)
        .one(connection)
        .await?;
    row.map(Verification::try_from).transpose()
}

/// Replaces the counts by those that include another page; `false` if another worker was faster or the verification was cancelled.
pub async fn advance(
    transaction: &DatabaseTransaction,
    before: &Verification,
    (counts, after): (&Counts, Option<SubjectId>),
    finished_at: Option<Timestamp>,
) -> Result<bool, StorageError> {
    let stands = match before.after {
        Some(after) => Column::After.eq(subject_bytes(after)),
        None => Column::After.is_null(),
    };
    let stored = Entity::update_many()
        .col_expr(Column::After, Expr::value(after.map(subject_bytes)))
        .col_expr(Column::Subjects, Expr::value(counts.subjects))
        .col_expr(Column::Intact, Expr::value(counts.intact))
        .col_expr(Column::Erased, Expr::value(counts.erased))
        .col_expr(Column::Broken, Expr::value(counts.broken))
        .col_expr(Column::Breaks, Expr::value(written(&counts.breaks)))
        .col_expr(
            Column::FinishedAt,
            Expr::value(finished_at.map(Timestamp::micros)),
        )
        .filter(Column::Id.eq(uuid_bytes(before.id)))
        .filter(Column::FinishedAt.is_null())
        .filter(stands)
        .exec(transaction)
        .await?;
    Ok(stored.rows_affected == 1)
}

/// Cancels an unfinished verification.
pub async fn cancel(transaction: &DatabaseTransaction, id: Uuid, now: Timestamp) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::FinishedAt, Expr::value(now.micros()))
        .col_expr(Column::CancelledAt, Expr::value(now.micros()))
        .filter(Column::Id.eq(uuid_bytes(id)))
        .filter(Column::FinishedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}
