//! Background work on versions: a worker leases a version, counts for it and stores the result.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, UpdateMany,
};
use strum::VariantArray as _;

use super::changes::{rule_change, written};
use super::documents::rule_set;
use super::steps::{done, step};
use crate::rule_sets::domain::State;
use crate::rule_sets::domain::shadow::Counts;

/// Background work on a version, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The version is active, and its re-comparison has not begun.
    Run,
    /// The version is approved, and its instant has come.
    Guard,
    /// A preview was requested.
    Preview,
}

/// The most urgent work on a version that no worker has leased.
pub async fn work(
    connection: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Option<(Work, rule_change::Model)>, StorageError> {
    let free = rule_change::Entity::find()
        .filter(rule_change::Column::LeaseUntil.lte(now.micros()))
        .order_by_asc(rule_change::Column::EffectiveFrom)
        .order_by_asc(rule_change::Column::Number);
    let state = |state: State| rule_change::Column::State.eq(state.into_str());
    let run = free
        .clone()
        .filter(state(State::Active))
        .filter(rule_change::Column::Run.is_null());
    if let Some(row) = run.one(connection).await? {
        return Ok(Some((Work::Run, row)));
    }
    // Strictly in the order of their instants: while the first is leased, a later one waits.
    let due = rule_change::Entity::find()
        .filter(state(State::Approved))
        .filter(rule_change::Column::EffectiveFrom.lte(now.micros()))
        .order_by_asc(rule_change::Column::EffectiveFrom)
        .order_by_asc(rule_change::Column::Number);
    let first = due.one(connection).await?;
    if let Some(row) = first.filter(|row| row.lease_until <= now.micros()) {
        return Ok(Some((Work::Guard, row)));
    }
    let preview = free
        .filter(rule_change::Column::State.is_in(State::OPEN.iter().map(State::into_str)))
        .filter(rule_change::Column::PreviewAskedAt.is_not_null())
        .filter(rule_change::Column::Preview.is_null());
    Ok(preview.one(connection).await?.map(|row| (Work::Preview, row)))
}

/// Takes the lease of a version or renews it; `false` if another worker holds it.
pub async fn lease(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<bool, StorageError> {
    let free = Condition::any()
        .add(rule_change::Column::LeaseUntil.lte(now.micros()))
        .add(rule_change::Column::LeaseOwner.eq(owner));
    let update = rule_change::Entity::update_many()
        .col_expr(rule_change::Column::LeaseOwner, Expr::value(owner))
        .col_expr(rule_change::Column::LeaseUntil, Expr::value(until.micros()))
        .filter(rule_change::Column::Number.eq(number))
        .filter(free);
    done(transaction, update).await
}

/// An update by the holder of the lease, which ends the lease.
fn finish(number: i64, owner: &str, from: &[State]) -> UpdateMany<rule_change::Entity> {
    step(number, from)
        .filter(rule_change::Column::LeaseOwner.eq(owner))
        .col_expr(rule_change::Column::LeaseUntil, Expr::value(0_i64))
}

/// Ends a lease without a result.
pub async fn release(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
) -> Result<bool, StorageError> {
    done(transaction, finish(number, owner, State::VARIANTS)).await
}

/// Stores the counts of a preview.
pub async fn finish_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    counts: &Counts,
) -> Result<bool, StorageError> {
    let update = finish(number, owner, &State::OPEN)
        .col_expr(rule_change::Column::Preview, Expr::value(written(counts)?))
        // A preview that was cancelled meanwhile has no result.
        .filter(rule_change::Column::PreviewAskedAt.is_not_null());
    done(transaction, update).await
}

/// Stores the result of the guard: the version is paused, or decides from `active_from` on. The caller holds the basis
/// exclusively.
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
        .col_expr(rule_change::Column::State, Expr::value(state.into_str()))
        .col_expr(rule_change::Column::Guard, Expr::value(written(counts)?));
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

/// Notes the re-comparison that follows an activation.
pub async fn note_run(
    transaction: &DatabaseTransaction,
    number: i64,
    owner: &str,
    run: i64,
) -> Result<bool, StorageError> {
    let update = finish(number, owner, &[State::Active]).col_expr(rule_change::Column::Run, Expr::value(run));
    done(transaction, update).await
}

/// The number of paused versions.
pub async fn paused(connection: &impl ConnectionTrait) -> Result<u32, StorageError> {
    let rows: Vec<i64> = rule_change::Entity::find()
        .select_only()
        .column(rule_change::Column::Number)
        .filter(rule_change::Column::State.eq(State::Paused.into_str()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
}
