//! Databases that are asked on a schedule: leased to one worker at a time, their cursor, and what became of their rows.

use lutong_chassis::operations::{Ended, Failure, Kind, store as operations};
use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::tables::pull::{ActiveModel, Column, Entity, Model};
use super::tables::pull_refusal as refusal;
use crate::domain::pull::PullFailure;

/// Refusals of a source that are kept.
const KEPT: u64 = 100;

/// Rows counted by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
}

/// A refused row: its place and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub after: String,
    pub row: i32,
    pub field: String,
    pub reason: String,
    pub at: Timestamp,
}

/// How far a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub source: String,
    pub created_at: Timestamp,
    pub cursor: String,
    pub cursor_at: Option<Timestamp>,
    pub last_attempt_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub next_due_at: Timestamp,
    /// Since when it is overdue, as the log was told.
    pub overdue_at: Option<Timestamp>,
    pub error: Option<PullFailure>,
    pub total: Counts,
    /// Of the last page that had rows.
    pub page: Counts,
    pub leased_until: Timestamp,
}

impl From<Model> for Pull {
    fn from(row: Model) -> Self {
        let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
        let (zh, en) = (row.error_zh, row.error_en);
        Self {
            source: row.source,
            created_at: Timestamp::from_micros(row.created_at),
            cursor: row.cursor,
            cursor_at: at(row.cursor_at),
            last_attempt_at: at(row.last_attempt_at),
            last_success_at: at(row.last_success_at),
            next_due_at: Timestamp::from_micros(row.next_due_at),
            overdue_at: at(row.overdue_at),
            error: row.error.map(|reason| PullFailure::new(reason, zh, en)),
            total: Counts {
                accepted: row.accepted,
                unchanged: row.unchanged,
                refused: row.refused,
            },
            page: Counts {
                accepted: row.page_accepted,
                unchanged: row.page_unchanged,
                refused: row.page_refused,
            },
            leased_until: Timestamp::from_micros(row.lease_until),
        }
    }
}

/// `pulls/{pull}`.
pub fn name(source: &str) -> String {
    format!("pulls/{source}")
}

/// Makes the source known, due at once; nothing where it is.
pub async fn begin(
    transaction: &DatabaseTransaction,
    source: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        source: Set(source.to_owned()),
        created_at: Set(now.micros()),
        cursor: Set(String::new()),
        cursor_at: Set(None),
        last_attempt_at: Set(None),
        last_success_at: Set(None),
        next_due_at: Set(now.micros()),
        overdue_at: Set(None),
        error: Set(None),
        error_zh: Set(String::new()),
        error_en: Set(String::new()),
        accepted: Set(0),
        unchanged: Set(0),
        refused: Set(0),
        page_accepted: Set(0),
        page_unchanged: Set(0),
        page_refused: Set(0),
        lease_owner: Set(None),
        lease_until: Set(0),
    };
    let once = OnConflict::column(Column::Source).do_nothing().to_owned();
    Entity::insert(row)
        .on_conflict(once)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, source: &str) -> Result<Option<Pull>, StorageError> {
    let row = Entity::find_by_id(source.to_owned()).one(connection).await?;
    Ok(row.map(Pull::from))
}

/// Leases a source that is due and nobody is at work on: `false` when there is no such.
pub async fn lease(
    transaction: &DatabaseTransaction,
    source: &str,
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool, StorageError> {
    let leased = Entity::update_many()
        .col_expr(Column::LeaseOwner, Expr::value(owner))
        .col_expr(Column::LeaseUntil, Expr::value(until.micros()))
        .col_expr(Column::LastAttemptAt, Expr::value(now.micros()))
        .filter(Column::Source.eq(source))
        .filter(Column::NextDueAt.lte(now.micros()))
        .filter(Column::LeaseUntil.lte(now.micros()))
        .exec(transaction)
        .await?;
    let is_leased = leased.rows_affected == 1;
    if is_leased {
        operations::begin_of(transaction, (Kind::Pull, &name(source))).await?;
    }
    Ok(is_leased)
}

/// What a page, or the rows that waited, came to.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Up to where everything is acknowledged now; absent where the cursor stays.
    pub cursor: Option<String>,
    pub counts: Counts,
    pub refusals: Vec<Refusal>,
}

/// Stores progress and keeps the lease: `false`, and nothing is stored, when another worker has it.
pub async fn advance(
    transaction: &DatabaseTransaction,
    (source, owner): (&str, &str),
    progress: Progress,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool, StorageError> {
    let Progress {
        cursor,
        counts,
        refusals,
    } = progress;
    let more = |column: Column, by: i64| Expr::col(column).add(by);
    let mut update = Entity::update_many()
        .col_expr(Column::LeaseUntil, Expr::value(until.micros()))
        .col_expr(Column::Accepted, more(Column::Accepted, counts.accepted))
        .col_expr(Column::Unchanged, more(Column::Unchanged, counts.unchanged))
        .col_expr(Column::Refused, more(Column::Refused, counts.refused))
        .filter(Column::Source.eq(source))
        .filter(Column::LeaseOwner.eq(owner));
    if counts != Counts::default() {
        update = update
            .col_expr(Column::PageAccepted, Expr::value(counts.accepted))
            .col_expr(Column::PageUnchanged, Expr::value(counts.unchanged))
            .col_expr(Column::PageRefused, Expr::value(counts.refused));
    }
    if let Some(cursor) = cursor {
        update = update
            .col_expr(Column::Cursor, Expr::value(cursor))
            .col_expr(Column::CursorAt, Expr::value(now.micros()));
    }
    let is_ours = update.exec(transaction).await?.rows_affected == 1;
    if is_ours {
        let rows = counts.accepted + counts.unchanged + counts.refused;
        operations::add_done_of(transaction, (Kind::Pull, &name(source)), rows).await?;
        keep(transaction, source, refusals).await?;
    }
    Ok(is_ours)
}

async fn keep(
    transaction: &DatabaseTransaction,
    source: &str,
    refusals: Vec<Refusal>,
) -> Result<(), StorageError> {
    if refusals.is_empty() {
        return Ok(());
    }
    let rows = refusals.into_iter().map(|one| refusal::ActiveModel {
        number: NotSet,
        source: Set(source.to_owned()),
        after: Set(one.after),
        row: Set(one.row),
        field: Set(one.field),
        reason: Set(one.reason),
        at: Set(one.at.micros()),
    });
    refusal::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    let oldest_kept: Option<i64> = refusal::Entity::find()
        .select_only()
        .column(refusal::Column::Number)
        .filter(refusal::Column::Source.eq(source))
        .order_by_desc(refusal::Column::Number)
        .offset(KEPT - 1)
        .limit(1)
        .into_tuple()
        .one(transaction)
        .await?;
    if let Some(oldest_kept) = oldest_kept {
        refusal::Entity::delete_many()
            .filter(refusal::Column::Source.eq(source))
            .filter(refusal::Column::Number.lt(oldest_kept))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// Gives the lease back after an attempt: `Some` when the worker still had it, with whether the source had been overdue. Ends the
/// operations that the attempt was asked for by; where another was asked for meanwhile, the source is due again at once.
pub async fn finish(
    transaction: &DatabaseTransaction,
    (source, owner): (&str, &str),
    ended: Result<(), PullFailure>,
    (now, next_due): (Timestamp, Timestamp),
) -> Result<Option<bool>, StorageError> {
    let own = Entity::find_by_id(source.to_owned()).filter(Column::LeaseOwner.eq(owner));
    let Some(before) = own.one(transaction).await? else {
        return Ok(None);
    };
    let of = (Kind::Pull, &*name(source));
    if let Some(ended) = ended_by(&ended) {
        operations::finish_running_of(transaction, of, ended, now).await?;
    }
    let next_due = match operations::queued_of(transaction, of).await? {
        Some(_) => now,
        None => next_due,
    };
    let mut update = Entity::update_many()
        .col_expr(Column::LeaseOwner, Expr::value(Option::<String>::None))
        .col_expr(Column::LeaseUntil, Expr::value(0_i64))
        .col_expr(Column::NextDueAt, Expr::value(next_due.micros()))
        .filter(Column::Source.eq(source))
        .filter(Column::LeaseOwner.eq(owner));
    update = match ended {
        Ok(()) => update
            .col_expr(Column::LastSuccessAt, Expr::value(now.micros()))
            .col_expr(Column::OverdueAt, Expr::value(Option::<i64>::None))
            .col_expr(Column::Error, Expr::value(Option::<String>::None)),
        Err(failure) => update
            .col_expr(Column::Error, Expr::value(failure.reason.into_owned()))
            .col_expr(Column::ErrorZh, Expr::value(failure.zh))
            .col_expr(Column::ErrorEn, Expr::value(failure.en)),
    };
    let done = update.exec(transaction).await?.rows_affected == 1;
    Ok(done.then_some(before.overdue_at.is_some()))
}

/// How the operations of an attempt end; `None`: another worker goes on with it.
fn ended_by(ended: &Result<(), PullFailure>) -> Option<Ended> {
    match ended {
        Ok(()) => Some(Ended::Succeeded),
        Err(failure) if failure.is_taken_over() => None,
        Err(PullFailure { reason, zh, en }) => Some(Ended::Failed(Failure {
            reason: reason.clone().into_owned(),
            zh: zh.clone(),
            en: en.clone(),
        })),
    }
}

/// Notes that a source is overdue: `true` for the one worker that is to say so.
pub async fn note_overdue(
    transaction: &DatabaseTransaction,
    source: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let noted = Entity::update_many()
        .col_expr(Column::OverdueAt, Expr::value(now.micros()))
        .filter(Column::Source.eq(source))
        .filter(Column::OverdueAt.is_null())
        .exec(transaction)
        .await?;
    Ok(noted.rows_affected == 1)
}

/// Makes a source due now.
pub async fn make_due(
    transaction: &DatabaseTransaction,
    source: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::NextDueAt, Expr::value(now.micros()))
        .filter(Column::Source.eq(source))
        .filter(Column::NextDueAt.gt(now.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The last refusals of a source, newest first.
pub async fn refusals(connection: &impl ConnectionTrait, source: &str) -> Result<Vec<Refusal>, StorageError> {
    let rows = refusal::Entity::find()
        .filter(refusal::Column::Source.eq(source))
        .order_by_desc(refusal::Column::Number)
        .limit(KEPT)
        .all(connection)
        .await?;
    let read = |row: refusal::Model| Refusal {
        after: row.after,
        row: row.row,
        field: row.field,
        reason: row.reason,
        at: Timestamp::from_micros(row.at),
    };
    Ok(rows.into_iter().map(read).collect())
}
