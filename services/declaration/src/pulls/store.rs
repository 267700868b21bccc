//! The table `pulls`: lease, cursor and counts of each source.

pub mod refusals;

use lutong_chassis::operations::{Failure, Kind, Outcome, store as operations};
use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use self::pull::{ActiveModel, Column, Entity, Model};
use self::refusals::Refusal;
use super::domain::PullFailure;

pub mod pull {
    use sea_orm::entity::prelude::*;

    /// The state of a database that is pulled on a schedule.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pulls")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub source: String,
        /// When the source was first configured.
        pub created_at: i64,
        /// Rows before the cursor are acknowledged. Empty at first.
        pub cursor: String,
        pub cursor_at: Option<i64>,
        pub last_attempt_at: Option<i64>,
        pub last_success_at: Option<i64>,
        pub next_due_at: i64,
        /// Since when the source is overdue; set when the error was logged.
        pub overdue_at: Option<i64>,
        /// The reason of the last failure; absent after a success.
        pub error: Option<String>,
        pub error_zh: String,
        pub error_en: String,
        pub accepted: i64,
        pub unchanged: i64,
        pub refused: i64,
        pub page_accepted: i64,
        pub page_unchanged: i64,
        pub page_refused: i64,
        pub lease_owner: Option<String>,
        pub lease_until: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows counted by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
}

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub source: String,
    pub created_at: Timestamp,
    pub cursor: String,
    pub cursor_at: Option<Timestamp>,
    pub last_attempt_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub next_due_at: Timestamp,
    /// Since when the source is overdue; set when the error was logged.
    pub overdue_at: Option<Timestamp>,
    pub error: Option<PullFailure>,
    pub total: Counts,
    /// Counts of the last page that had rows.
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

/// Adds a source, due at once. An existing source is unchanged.
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

/// Leases a source that is due and not leased. Returns `false` when it is not.
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

/// The outcome of a page, or of the rows that waited.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The new cursor: everything before it is acknowledged. Absent when the cursor does not move.
    pub cursor: Option<String>,
    pub counts: Counts,
    pub refusals: Vec<Refusal>,
}

/// Stores progress and extends the lease. Stores nothing and returns `false` when another worker has the lease.
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
    let is_leased = update.exec(transaction).await?.rows_affected == 1;
    if is_leased {
        let rows = counts.accepted + counts.unchanged + counts.refused;
        operations::add_done_of(transaction, (Kind::Pull, &name(source)), rows).await?;
        refusals::add(transaction, source, refusals).await?;
    }
    Ok(is_leased)
}

/// Releases the lease after an attempt. Returns `Some` when the worker still had it, with whether the source was overdue. Ends the
/// operations that started the attempt. When another operation was queued meanwhile, the source is due again at once.
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
    if let Some(ended) = end_of(&ended) {
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

/// How the operations of an attempt end; `None` when another worker continues it.
fn end_of(ended: &Result<(), PullFailure>) -> Option<Outcome> {
    match ended {
        Ok(()) => Some(Outcome::Succeeded),
        Err(failure) if failure.is_taken_over() => None,
        Err(PullFailure { reason, zh, en, .. }) => Some(Outcome::Failed(Failure {
            reason: reason.clone().into_owned(),
            zh: zh.clone(),
            en: en.clone(),
        })),
    }
}

/// Marks a source as overdue. Returns `true` to the one worker that has to log it.
pub async fn mark_overdue(
    transaction: &DatabaseTransaction,
    source: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let marked = Entity::update_many()
        .col_expr(Column::OverdueAt, Expr::value(now.micros()))
        .filter(Column::Source.eq(source))
        .filter(Column::OverdueAt.is_null())
        .exec(transaction)
        .await?;
    Ok(marked.rows_affected == 1)
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
