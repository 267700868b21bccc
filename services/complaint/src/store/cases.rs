//! Complaints as cases: what a member of staff reaches, what is due, and the changes of an action.

use lutong_kernel::{DivisionCode, DoorReportId, Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, uuid_bytes};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::complaint::{ActiveModel, Column, Entity};
use super::keyset::behind;
use super::{Complaint, Hash, attachments, clocks, events, read_all, reviews};
use crate::domain::appeal::Outcome;
use crate::domain::case::Case;
use crate::domain::content::Kind;
use crate::domain::log::LogEntry;
use crate::domain::machine::State;
use crate::domain::staff::{Reach, Staff};
use crate::domain::tracking::TrackingNumber;

impl Complaint {
    /// By what staff reach it.
    pub fn reach(&self) -> Reach<'_> {
        Reach {
            kind: self.case.kind,
            division: self.case.division,
            assignee: self.case.assignee.as_deref(),
            entered_by: self.entry.entered_by.as_deref(),
        }
    }
}

pub(super) fn due_at(case: &Case) -> i64 {
    case.due_at().unwrap_or(Timestamp::MAX).micros()
}

fn wrong_facts(outcome: &Outcome) -> String {
    let ids: Vec<_> = outcome.facts.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

/// The columns that an action changes.
pub(super) fn changed(case: &Case) -> ActiveModel {
    let number = |division: DivisionCode| i64::from(division.number());
    let outcome = case.outcome.as_ref();
    ActiveModel {
        state: Set(case.state.into_str().to_owned()),
        division: Set(number(case.division)),
        escalated_to: Set(case.escalated_to.map(number)),
        assignee: Set(case.assignee.clone()),
        assigned_at: Set(case.assigned_at.map(Timestamp::micros)),
        waiting_for: Set(case.waiting_for.map(|one| one.into_str().to_owned())),
        merged_into: Set(case.merged_into.as_ref().map(|into| into.as_str().to_owned())),
        extended_days: Set(i64::from(case.extended_days)),
        contacted: Set(case.revisit.map(|revisit| revisit.contacted)),
        solved: Set(case.revisit.map(|revisit| revisit.solved)),
        satisfied: Set(case.revisit.map(|revisit| revisit.satisfied)),
        reopenings: Set(i64::from(case.reopenings)),
        before_next_instance: Set(case.is_before_next_instance),
        verdict: Set(outcome.map(|outcome| outcome.verdict.into_str().to_owned())),
        basis: Set(outcome.map(|outcome| outcome.basis.into_str().to_owned())),
        decided_at: Set(outcome.map(|outcome| outcome.decided_at.micros())),
        wrong_facts: Set(outcome.map(wrong_facts)),
        redecided: Set(outcome.map(|outcome| outcome.effect.redecided)),
        in_force: Set(outcome.map(|outcome| outcome.effect.is_in_force)),
        effect_operation: Set(outcome.map(|outcome| outcome.effect.operation.clone())),
        version: Set(case.version),
        due_at: Set(due_at(case)),
        next_firing_at: Set(case.next_firing().map(Timestamp::micros)),
        ..ActiveModel::default()
    }
}

/// Who asks for a complaint, and so which ones are there for them.
#[derive(Debug, Clone, Copy)]
pub enum Reacher<'a> {
    /// The keyed hash of the account that filed it.
    Filer(&'a Hash),
    Staff(&'a Staff),
}

impl Reacher<'_> {
    fn condition(self) -> Condition {
        match self {
            Self::Filer(account) => Condition::all().add(Column::Account.eq(account.to_vec())),
            Self::Staff(staff) => reached(staff),
        }
    }
}

/// A complaint that somebody reaches. One that they do not reach is not even read: it costs, and fails, like one that is not there.
pub async fn find_reached(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    by: Reacher<'_>,
) -> Result<Option<Complaint>, Fault> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .filter(by.condition())
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    let found = read_all(connection, cipher, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Like [`find_reached`], locked until the end of the transaction.
pub async fn lock_reached(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    by: Reacher<'_>,
) -> Result<Option<Complaint>, Fault> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .filter(by.condition())
        .lock_exclusive()
        .one(transaction)
        .await
        .map_err(StorageError::from)?;
    let found = read_all(transaction, cipher, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// A complaint, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
) -> Result<Option<Complaint>, Fault> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .lock_exclusive()
        .one(transaction)
        .await
        .map_err(StorageError::from)?;
    let found = read_all(transaction, cipher, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Like [`lock`]; a complaint that another transaction has locked is left to it.
pub async fn lock_if_free(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
) -> Result<Option<Complaint>, Fault> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(transaction)
        .await
        .map_err(StorageError::from)?;
    let found = read_all(transaction, cipher, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Stores what became of a locked case, with the lines of its log that say why. An appeal that is over ends its reliefs, and the
/// time for which files are kept runs from when their case is closed.
pub async fn save(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    case: &Case,
    entries: &[LogEntry],
) -> Result<(), Fault> {
    let row = ActiveModel {
        tracking_number: NotSet,
        ..changed(case)
    };
    Entity::update_many()
        .set(row)
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .exec(transaction)
        .await
        .map_err(StorageError::from)?;
    clocks::replace(transaction, number, &case.clocks).await?;
    if let Some(last) = entries
        .last()
        .filter(|_| case.kind == Kind::Appeal && !case.state.is_open())
    {
        reviews::end_reliefs(transaction, number, last.at).await?;
    }
    if let Some(at) = turned(entries, State::Closed) {
        attachments::set_closed(transaction, with_merged(transaction, number).await?, Some(at)).await?;
    } else if turned(entries, State::Reopened).is_some() {
        attachments::set_closed(transaction, with_merged(transaction, number).await?, None).await?;
    }
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    events::append(transaction, cipher, number, case.version - count + 1, entries).await
}

/// When these lines have brought a case into a state that it was not in.
fn turned(entries: &[LogEntry], state: State) -> Option<Timestamp> {
    let into = |entry: &&LogEntry| entry.to == state && entry.from.is_some_and(|from| from != state);
    entries.iter().rev().find(into).map(|entry| entry.at)
}

/// The number of a case, and those of the cases that were merged into it, as stored.
pub(super) async fn with_merged(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
) -> Result<Vec<String>, StorageError> {
    let mut numbers = vec![number.as_str().to_owned()];
    let mut heads = numbers.clone();
    while !heads.is_empty() {
        let rows: Vec<String> = Entity::find()
            .select_only()
            .column(Column::TrackingNumber)
            .filter(Column::MergedInto.is_in(heads))
            .into_tuple()
            .all(transaction)
            .await?;
        // A case is merged into one that is not merged: there are no circles.
        heads = rows.into_iter().filter(|one| !numbers.contains(one)).collect();
        numbers.extend(heads.iter().cloned());
    }
    Ok(numbers)
}

/// The case with a hotline's number, by the keyed hash of its content.
pub async fn hotline_content(
    transaction: &DatabaseTransaction,
    hotline_number: &str,
) -> Result<Option<Hash>, StorageError> {
    let row = Entity::find()
        .filter(Column::HotlineNumber.eq(hotline_number))
        .one(transaction)
        .await?;
    let hash = row.map(|row| row.content_hash.unwrap_or_default());
    let damaged = |_| StorageError::Damaged("complaints.content_hash".to_owned());
    hash.map(|hash| hash.try_into().map_err(damaged)).transpose()
}

/// The number, as stored, of the case that follows a door report up.
pub async fn following(
    transaction: &DatabaseTransaction,
    report: DoorReportId,
) -> Result<Option<String>, StorageError> {
    let row = Entity::find()
        .filter(Column::DoorReportId.eq(uuid_bytes(report.uuid())))
        .select_only()
        .column(Column::TrackingNumber)
        .into_tuple::<String>()
        .one(transaction)
        .await?;
    Ok(row)
}

/// Whatever a member of staff reaches; [`Staff::reaches`] says the same of one.
pub(super) fn reached(staff: &Staff) -> Condition {
    let own = Condition::any()
        .add(Column::Assignee.eq(staff.account.as_str()))
        .add(Column::EnteredBy.eq(staff.account.as_str()));
    own.add_option(of_jurisdiction(staff))
}

/// What an officer reaches without having entered it or been given it.
pub(super) fn of_jurisdiction(staff: &Staff) -> Option<Condition> {
    if !staff.is_officer() {
        return None;
    }
    let in_reach = Condition::all().add(in_division(Column::Division, staff.jurisdiction.division()));
    let desks = staff.desks.iter().map(Kind::into_str);
    let of_desks = (!staff.desks.is_empty()).then(|| Column::Kind.is_in(desks));
    Some(in_reach.add_option(of_desks))
}

/// Cases whose clocks have something to do by now, after a position: when, and the tracking number as stored. What was due first is first.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    after: Option<&(i64, String)>,
    limit: u64,
) -> Result<Vec<(i64, String)>, StorageError> {
    let mut due = Condition::all().add(Column::NextFiringAt.lte(now.micros()));
    if let Some((at, number)) = after {
        due = due.add(behind(
            (Column::NextFiringAt, *at),
            (Column::TrackingNumber, number.as_str()),
        ));
    }
    let found = Entity::find()
        .filter(due)
        .order_by_asc(Column::NextFiringAt)
        .order_by_asc(Column::TrackingNumber)
        .select_only()
        .columns([Column::NextFiringAt, Column::TrackingNumber])
        .limit(limit)
        .into_tuple::<(i64, String)>()
        .all(connection)
        .await?;
    Ok(found)
}

/// The tracking numbers, as stored, of complaints that have no clocks yet, after one.
pub async fn without_clocks(
    connection: &impl ConnectionTrait,
    after: &str,
    limit: u64,
) -> Result<Vec<String>, StorageError> {
    let found = Entity::find()
        .filter(Column::Version.eq(0))
        .filter(Column::TrackingNumber.gt(after))
        .order_by_asc(Column::TrackingNumber)
        .select_only()
        .column(Column::TrackingNumber)
        .limit(limit)
        .into_tuple::<String>()
        .all(connection)
        .await?;
    Ok(found)
}
