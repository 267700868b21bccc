//! Checks of history, and how far each is.

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

use super::tables::history_verification::{ActiveModel, Column, Entity, Model};
use crate::domain::history::Break;

/// Breaks that are kept by name; the others are counted.
const MOST: usize = 1_000;

/// A place where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub subject: SubjectId,
    pub version: i64,
    pub what: Break,
}

/// What was checked so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub subjects: i64,
    pub intact: i64,
    pub erased: i64,
    pub broken: i64,
    pub breaks: Vec<Broken>,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub id: Uuid,
    /// `None`: everybody.
    pub subject: Option<SubjectId>,
    pub created_at: Timestamp,
    /// Also when it was cancelled.
    pub finished_at: Option<Timestamp>,
    pub is_cancelled: bool,
    /// The last subject that was checked.
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

const fn word(what: Break) -> &'static str {
    match what {
        Break::Changed => "changed",
        Break::Gap => "gap",
        Break::Head => "head",
    }
}

fn written(breaks: &[Broken]) -> String {
    let rows = breaks
        .iter()
        .map(|one| Row(one.subject, one.version, word(one.what).to_owned()));
    // Plain data: it always serialises.
    serde_json::to_string(&rows.collect::<Vec<_>>()).unwrap_or_default()
}

fn read(json: &str) -> Option<Vec<Broken>> {
    let rows: Vec<Row> = serde_json::from_str(json).ok()?;
    let broken = |Row(subject, version, what): Row| {
        let kinds = [Break::Changed, Break::Gap, Break::Head];
        Some(Broken {
            subject,
            version,
            what: kinds.into_iter().find(|kind| word(*kind) == what)?,
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

/// Those before an id, the newest first.
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

/// The oldest that goes on.
pub async fn unfinished(connection: &impl ConnectionTrait) -> Result<Option<Verification>, StorageError> {
    let row = Entity::find()
        .filter(Column::FinishedAt.is_null())
        .order_by_asc(Column::Id)
        .one(connection)
        .await?;
    row.map(Verification::try_from).transpose()
}

/// Stores a page's counts in place of those of before; `false` when another worker was faster, or somebody cancelled it.
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

/// Ends one that goes on before it has checked everybody.
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
