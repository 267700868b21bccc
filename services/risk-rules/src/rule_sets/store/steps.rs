//! The steps of a version on its way into force. Every update names the state that it starts from, so that of two concurrent steps
//! one is refused.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QuerySelect as _, UpdateMany,
};

use lutong_risk_engine::rule_set::RuleSet;

use super::changes::rule_change;
use super::documents::{self, rule_set};
use super::versions::find;
use crate::rule_sets::domain::State;

/// A version to announce.
#[derive(Debug)]
pub struct Announcement<'a> {
    pub set: &'a RuleSet,
    pub document: &'a str,
    pub cases: &'a str,
    pub author: &'a str,
    pub expected_changes: i64,
}

/// Stores an announced version and returns its number; `None` if the version exists already.
pub async fn announce(
    transaction: &DatabaseTransaction,
    announced: &Announcement<'_>,
    now: Timestamp,
) -> Result<Option<i64>, StorageError> {
    let (id, version) = (&announced.set.id, &announced.set.version);
    if documents::by_name(transaction, id, version).await?.is_some() {
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
    let row = rule_change::ActiveModel {
        number: Set(number),
        state: Set(State::Announced.into_str().to_owned()),
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
    rule_change::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(Some(number))
}

/// An update of a version, provided that it is in one of the states `from`.
pub(super) fn step(number: i64, from: &[State]) -> UpdateMany<rule_change::Entity> {
    rule_change::Entity::update_many()
        .filter(rule_change::Column::Number.eq(number))
        .filter(rule_change::Column::State.is_in(from.iter().map(State::into_str)))
}

/// Executes an update; `false` if its conditions did not hold.
pub(super) async fn done(
    transaction: &DatabaseTransaction,
    update: UpdateMany<rule_change::Entity>,
) -> Result<bool, StorageError> {
    Ok(update.exec(transaction).await?.rows_affected == 1)
}

/// Requests a preview. A running preview keeps running.
pub async fn request_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let none: Option<String> = None;
    let update = step(number, &State::OPEN)
        .col_expr(rule_change::Column::PreviewAskedAt, Expr::value(now.micros()))
        .col_expr(rule_change::Column::Preview, Expr::value(none));
    done(transaction, update).await
}

/// The number of the version with a name.
async fn number_of(connection: &impl ConnectionTrait, name: &str) -> Result<Option<i64>, StorageError> {
    let Some((id, version)) = name.rsplit('/').next().and_then(|last| last.split_once('.')) else {
        return Ok(None);
    };
    let found = find(connection, id, version).await?;
    Ok(found.map(|found| found.number))
}

/// Whether a preview of the version with a name is running.
pub async fn is_preview_running(connection: &impl ConnectionTrait, name: &str) -> Result<bool, StorageError> {
    let Some(number) = number_of(connection, name).await? else {
        return Ok(false);
    };
    let running = rule_change::Entity::find_by_id(number)
        .filter(rule_change::Column::PreviewAskedAt.is_not_null())
        .filter(rule_change::Column::Preview.is_null())
        .one(connection)
        .await?;
    Ok(running.is_some())
}

/// Cancels a running preview, as if it had never been requested.
pub async fn forget_preview(transaction: &DatabaseTransaction, name: &str) -> Result<(), StorageError> {
    let Some(number) = number_of(transaction, name).await? else {
        return Ok(());
    };
    let none: Option<i64> = None;
    let update = step(number, &State::OPEN)
        .col_expr(rule_change::Column::PreviewAskedAt, Expr::value(none))
        .filter(rule_change::Column::Preview.is_null());
    done(transaction, update).await?;
    Ok(())
}

/// Notes the approval of an announced version.
pub async fn approve(
    transaction: &DatabaseTransaction,
    number: i64,
    approver: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &[State::Announced])
        .col_expr(
            rule_change::Column::State,
            Expr::value(State::Approved.into_str()),
        )
        .col_expr(rule_change::Column::Approver, Expr::value(approver))
        .col_expr(rule_change::Column::ApprovedAt, Expr::value(now.micros()));
    done(transaction, update).await
}

/// Approves a paused version again, with a new bound.
pub async fn resume(
    transaction: &DatabaseTransaction,
    number: i64,
    approver: &str,
    expected_changes: i64,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &[State::Paused])
        .col_expr(
            rule_change::Column::State,
            Expr::value(State::Approved.into_str()),
        )
        .col_expr(rule_change::Column::Approver, Expr::value(approver))
        .col_expr(rule_change::Column::ApprovedAt, Expr::value(now.micros()))
        .col_expr(
            rule_change::Column::ExpectedChanges,
            Expr::value(expected_changes),
        );
    done(transaction, update).await
}

/// Closes a version that is not active, as rejected or as withdrawn.
pub async fn close(
    transaction: &DatabaseTransaction,
    number: i64,
    how: State,
    closer: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let update = step(number, &State::OPEN)
        .col_expr(rule_change::Column::State, Expr::value(how.into_str()))
        .col_expr(rule_change::Column::Closer, Expr::value(closer))
        .col_expr(rule_change::Column::ClosedAt, Expr::value(now.micros()));
    done(transaction, update).await
}

/// Whether another version has become active since an instant.
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
