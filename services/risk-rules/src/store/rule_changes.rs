//! Rule sets on their way into force. Every step says which state it starts from: of two at once one is refused.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, UpdateMany,
};

use super::tables::{rule_change as change, rule_set};
use crate::domain::rule_change::{Counts, State};
use crate::domain::rule_set::RuleSet;

/// A version and its way; `way` is absent of one that a build brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetVersion {
    pub number: i64,
    pub id: String,
    pub version: String,
    pub active_from: Option<Timestamp>,
    pub recorded_at: Timestamp,
    pub way: Option<Way>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub state: State,
    pub author: String,
    pub approver: Option<String>,
    pub effective_from: Timestamp,
    pub announced_at: Timestamp,
    pub approved_at: Option<Timestamp>,
    /// Who rejected or withdrew it, and when.
    pub closed: Option<(String, Timestamp)>,
    pub expected_changes: i64,
    pub preview_asked: bool,
    pub preview: Option<Counts>,
    pub guard: Option<Counts>,
}

/// What is announced.
#[derive(Debug)]
pub struct Announcement<'a> {
    pub set: &'a RuleSet,
    pub document: &'a str,
    pub cases: &'a str,
    pub author: &'a str,
    pub expected_changes: i64,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("rule_changes.{what}"))
}

fn counts(json: Option<&str>, what: &str) -> Result<Option<Counts>, StorageError> {
    let read = json.map(serde_json::from_str).transpose();
    read.map_err(|_| damaged(what))
}

fn written(counts: &Counts) -> Result<String, StorageError> {
    serde_json::to_string(counts).map_err(|_| damaged("counts"))
}

impl TryFrom<change::Model> for Way {
    type Error = StorageError;

    fn try_from(row: change::Model) -> Result<Self, StorageError> {
        Ok(Self {
            state: row.state.parse().map_err(|_| damaged("state"))?,
            author: row.author,
            approver: row.approver,
            effective_from: Timestamp::from_micros(row.effective_from),
            announced_at: Timestamp::from_micros(row.announced_at),
            approved_at: row.approved_at.map(Timestamp::from_micros),
            closed: row.closer.zip(row.closed_at.map(Timestamp::from_micros)),
            expected_changes: row.expected_changes,
            preview_asked: row.preview_asked_at.is_some(),
            preview: counts(row.preview.as_deref(), "preview")?,
            guard: counts(row.guard.as_deref(), "guard")?,
        })
    }
}

/// Stores an announced version; `None` when there is one of its name already.
pub async fn announce(
    transaction: &DatabaseTransaction,
    announced: &Announcement<'_>,
    now: Timestamp,
) -> Result<Option<i64>, StorageError> {
    let (id, version) = (&announced.set.id, &announced.set.version);
    if super::rule_sets::by_name(transaction, id, version)
        .await?
        .is_some()
    {
        return Ok(None);
    }
    let row = rule_set::ActiveModel {
        number: NotSet,
        id: Set(id.clone()),
        version: Set(version.clone()),
        document: Set(announced.document.to_owned()),
        recorded_at: Set(now.micros()),
        active_from: Set(None),
    };
    let inserted = rule_set::Entity::insert(row).exec(transaction).await?;
    let number = inserted.last_insert_id;
    let row = change::ActiveModel {
        number: Set(number),
        state: Set(State::Announced.as_str().to_owned()),
        author: Set(announced.author.to_owned()),
        approver: Set(None),
        effective_from: Set(announced.set.effective_from.micros()),
        announced_at: Set(now.micros()),
        approved_at: Set(None),
        expected_changes: Set(announced.expected_changes),
        cases: Set(announced.cases.to_owned()),
        preview_asked_at: Set(None),
        preview: Set(None),
        guard: Set(None),
        run: Set(None),
        lease_owner: Set(None),
        lease_until: Set(0),
        closer: Set(None),
        closed_at: Set(None),
    };
    change::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(Some(number))
}

type SetRow = (i64, String, String, Option<i64>, i64);

async fn versions(
    connection: &impl ConnectionTrait,
    rows: Vec<SetRow>,
) -> Result<Vec<RuleSetVersion>, StorageError> {
    let numbers = rows.iter().map(|row| row.0);
    let ways = change::Entity::find()
        .filter(change::Column::Number.is_in(numbers))
        .all(connection)
        .await?;
    let mut ways: std::collections::HashMap<_, _> = ways.into_iter().map(|row| (row.number, row)).collect();
    let version = |(number, id, version, active_from, recorded_at): SetRow| {
        Ok(RuleSetVersion {
            number,
            id,
            version,
            active_from: active_from.map(Timestamp::from_micros),
            recorded_at: Timestamp::from_micros(recorded_at),
            way: ways.remove(&number).map(Way::try_from).transpose()?,
        })
    };
    rows.into_iter().map(version).collect()
}

fn columns() -> sea_orm::Select<rule_set::Entity> {
    rule_set::Entity::find().select_only().columns([
        rule_set::Column::Number,
        rule_set::Column::Id,
        rule_set::Column::Version,
        rule_set::Column::ActiveFrom,
        rule_set::Column::RecordedAt,
    ])
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: &str,
    version: &str,
) -> Result<Option<RuleSetVersion>, StorageError> {
    let row: Option<SetRow> = columns()
        .filter(rule_set::Column::Id.eq(id))
        .filter(rule_set::Column::Version.eq(version))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(versions(connection, row.into_iter().collect()).await?.pop())
}

pub async fn by_number(
    connection: &impl ConnectionTrait,
    number: i64,
) -> Result<Option<RuleSetVersion>, StorageError> {
    let row: Option<SetRow> = columns()
        .filter(rule_set::Column::Number.eq(number))
        .into_tuple()
        .one(connection)
        .await?;
    Ok(versions(connection, row.into_iter().collect()).await?.pop())
}

/// The newest first, before a number; those in a state, where one is given. What the build brought is active.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<State>,
    before: i64,
    limit: u64,
) -> Result<Vec<RuleSetVersion>, StorageError> {
    let mut rows = columns();
    if let Some(state) = state {
        let on_the_way = Query::select()
            .column(change::Column::Number)
            .from(change::Entity)
            .to_owned();
        let in_state = Query::select()
            .column(change::Column::Number)
            .from(change::Entity)
            .and_where(change::Column::State.eq(state.as_str()))
            .to_owned();
        let mut which = Condition::any().add(rule_set::Column::Number.in_subquery(in_state));
        if state == State::Active {
            which = which.add(rule_set::Column::Number.not_in_subquery(on_the_way));
        }
        rows = rows.filter(which);
    }
    let rows = rows
        .filter(rule_set::Column::Number.lt(before))
        .order_by_desc(rule_set::Column::Number)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    versions(connection, rows).await
}

fn step(number: i64, from: &[State]) -> UpdateMany<change::Entity> {
    change::Entity::update_many()
        .filter(change::Column::Number.eq(number))
        .filter(change::Column::State.is_in(from.iter().map(|state| state.as_str())))
}

/// Whether it was there to be done.
async fn done(
    transaction: &DatabaseTransaction,
    update: UpdateMany<change::Entity>,
) -> Result<bool, StorageError> {
    Ok(update.exec(transaction).await?.rows_affected == 1)
}

/// A preview that goes on goes on.
pub async fn ask_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let none: Option<String> = None;
    let update = step(number, &State::OPEN)
        .col_expr(change::Column::PreviewAskedAt, Expr::value(now.micros()))
        .col_expr(change::Column::Preview, Expr::value(none));
    done(transaction, update).await
}

async fn number_of(connection: &impl ConnectionTrait, name: &str) -> Result<Option<i64>, StorageError> {
    let Some((id, version)) = name.rsplit('/').next().and_then(|last| last.split_once('.')) else {
        return Ok(None);
    };
    let found = find(connection, id, version).await?;
    Ok(found.map(|found| found.number))
}

/// Whether a preview of a version, by its name, is being counted.
pub async fn preview_goes_on(connection: &impl ConnectionTrait, name: &str) -> Result<bool, StorageError> {
    let Some(number) = number_of(connection, name).await? else {
        return Ok(false);
    };
    let asked = change::Entity::find_by_id(number)
        .filter(change::Column::PreviewAskedAt.is_not_null())
        .filter(change::Column::Preview.is_null())
        .one(connection)
        .await?;
    Ok(asked.is_some())
}

/// Ends a preview that goes on, as if it had never been asked for.
pub async fn forget_preview(transaction: &DatabaseTransaction, name: &str) -> Result<(), StorageError> {
    let Some(number) = number_of(transaction, name).await? else {
        return Ok(());
    };
    let none: Option<i64> = None;
    let update = step(number, &State::OPEN)
        .col_expr(change::Column::PreviewAskedAt, Expr::value(none))
        .filter(change::Column::Preview.is_null());
    done(transaction, update).await?;
    Ok(())
}

pub async fn approve(
    transaction: &DatabaseTransaction,
    number: i64,
    approver: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &[State::Announced])
        .col_expr(change::Column::State, Expr::value(State::Approved.as_str()))
        .col_expr(change::Column::Approver, Expr::value(approver))
        .col_expr(change::Column::ApprovedAt, Expr::value(now.micros()));
    done(transaction, update).await
}

pub async fn resume(
    transaction: &DatabaseTransaction,
    number: i64,
    approver: &str,
    expected_changes: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &[State::Paused])
        .col_expr(change::Column::State, Expr::value(State::Approved.as_str()))
        .col_expr(change::Column::Approver, Expr::value(approver))
        .col_expr(change::Column::ApprovedAt, Expr::value(now.micros()))
        .col_expr(change::Column::ExpectedChanges, Expr::value(expected_changes));
    done(transaction, update).await
}

/// Ends a version that is not active, `how`: rejected or withdrawn.
pub async fn close(
    transaction: &DatabaseTransaction,
    number: i64,
    how: State,
    closer: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &State::OPEN)
        .col_expr(change::Column::State, Expr::value(how.as_str()))
        .col_expr(change::Column::Closer, Expr::value(closer))
        .col_expr(change::Column::ClosedAt, Expr::value(now.micros()));
    done(transaction, update).await
}

/// What is to be done in the background, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Active, and no run over everyone has begun for it.
    Run,
    /// Approved, and its instant has come.
    Guard,
    Preview,
}

/// A version that something is to be done for, and that nobody is at work on.
pub async fn work(
    connection: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Option<(Work, change::Model)>, StorageError> {
    let free = change::Entity::find()
        .filter(change::Column::LeaseUntil.lte(now.micros()))
        .order_by_asc(change::Column::EffectiveFrom)
        .order_by_asc(change::Column::Number);
    let state = |state: State| change::Column::State.eq(state.as_str());
    let run = free
        .clone()
        .filter(state(State::Active))
        .filter(change::Column::Run.is_null());
    if let Some(row) = run.one(connection).await? {
        return Ok(Some((Work::Run, row)));
    }
    // In the order of their instants, also where somebody is at work on the first: a later one never comes before it.
    let due = change::Entity::find()
        .filter(state(State::Approved))
        .filter(change::Column::EffectiveFrom.lte(now.micros()))
        .order_by_asc(change::Column::EffectiveFrom)
        .order_by_asc(change::Column::Number);
    let first = due.one(connection).await?;
    if let Some(row) = first.filter(|row| row.lease_until <= now.micros()) {
        return Ok(Some((Work::Guard, row)));
    }
    let preview = free
        .filter(change::Column::State.is_in(State::OPEN.iter().map(|state| state.as_str())))
        .filter(change::Column::PreviewAskedAt.is_not_null())
        .filter(change::Column::Preview.is_null());
    Ok(preview.one(connection).await?.map(|row| (Work::Preview, row)))
}

/// Takes a version that is free, or keeps one's own; `false` when somebody else has it.
pub async fn lease(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool, StorageError> {
    let free = Condition::any()
        .add(change::Column::LeaseUntil.lte(now.micros()))
        .add(change::Column::LeaseOwner.eq(owner));
    let update = change::Entity::update_many()
        .col_expr(change::Column::LeaseOwner, Expr::value(owner))
        .col_expr(change::Column::LeaseUntil, Expr::value(until.micros()))
        .filter(change::Column::Number.eq(number))
        .filter(free);
    done(transaction, update).await
}

fn finish(number: i64, owner: &str, from: &[State]) -> UpdateMany<change::Entity> {
    step(number, from)
        .filter(change::Column::LeaseOwner.eq(owner))
        .col_expr(change::Column::LeaseUntil, Expr::value(0_i64))
}

pub async fn release(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
) -> Result<bool, StorageError> {
    done(transaction, finish(number, owner, &State::ALL)).await
}

pub async fn finish_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    counts: &Counts,
) -> Result<bool, StorageError> {
    let update = finish(number, owner, &State::OPEN)
        .col_expr(change::Column::Preview, Expr::value(written(counts)?))
        // One that somebody ended meanwhile is none.
        .filter(change::Column::PreviewAskedAt.is_not_null());
    done(transaction, update).await
}

/// The guard's verdict on an approved version: it pauses, or decides from `active_from` on. To be called by whoever has the
/// basis alone.
pub async fn finish_guard(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    counts: &Counts,
    active_from: Option<Timestamp>,
) -> Result<bool, StorageError> {
    let state = if active_from.is_some() {
        State::Active
    } else {
        State::Paused
    };
    let update = finish(number, owner, &[State::Approved])
        .col_expr(change::Column::State, Expr::value(state.as_str()))
        .col_expr(change::Column::Guard, Expr::value(written(counts)?));
    if !done(transaction, update).await? {
        return Ok(false);
    }
    if let Some(from) = active_from {
        rule_set::Entity::update_many()
            .col_expr(rule_set::Column::ActiveFrom, Expr::value(from.micros()))
            .filter(rule_set::Column::Number.eq(number))
            .exec(transaction)
            .await?;
    }
    Ok(true)
}

/// Notes the run over everyone that follows an activation.
pub async fn note_run(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    run: i64,
) -> Result<bool, StorageError> {
    let update = finish(number, owner, &[State::Active]).col_expr(change::Column::Run, Expr::value(run));
    done(transaction, update).await
}

/// How many are paused.
pub async fn paused(connection: &impl ConnectionTrait) -> Result<u32, StorageError> {
    let rows: Vec<i64> = change::Entity::find()
        .select_only()
        .column(change::Column::Number)
        .filter(change::Column::State.eq(State::Paused.as_str()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}

/// Whether another has become active since an instant.
pub async fn overtaken(
    connection: &impl ConnectionTrait,
    effective_from: Timestamp,
) -> Result<bool, StorageError> {
    let later: Option<i64> = rule_set::Entity::find()
        .select_only()
        .column(rule_set::Column::Number)
        .filter(rule_set::Column::ActiveFrom.gt(effective_from.micros()))
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(later.is_some())
}
