//! Runs over everyone: begun once, their parts leased to workers and counted once, and what they found.

use lutong_kernel::{Colour, LocalDay, SubjectId, Timestamp};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::{Engine, StorageError};
use lutong_transport::access::AnyPermit;
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::scan::Part;
use super::tables::{finding, recomparison, recomparison_part as part};
use crate::domain::recomparison::{Finding, Looked};
use crate::domain::set_digest::SetDigest;

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// In the order in which they began.
    pub number: i64,
    pub id: Uuid,
    pub day: Option<LocalDay>,
    pub evaluated_at: Timestamp,
    /// The last row of `rosters` that it covers.
    pub roster: i64,
    /// Who is to be looked at.
    pub expected: SetDigest,
    /// Also when it was cancelled.
    pub finished_at: Option<Timestamp>,
    pub is_cancelled: bool,
}

impl Run {
    /// `recomparisons/{recomparison}`.
    pub fn name(&self) -> String {
        name(self.id)
    }
}

/// `recomparisons/{recomparison}`.
pub fn name(id: Uuid) -> String {
    format!("recomparisons/{id}")
}

/// A subject whose stored decision was not what came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub subject: SubjectId,
    pub finding: Finding,
    pub before: Colour,
    pub after: Colour,
    /// Of the decision that was made.
    pub version: i64,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("recomparisons.{what}"))
}

fn roster(count: i64, digest: Vec<u8>) -> Result<SetDigest, StorageError> {
    let digest = digest.try_into().map_err(|_| damaged("digest"))?;
    Ok(SetDigest::from_parts(count, digest))
}

impl TryFrom<recomparison::Model> for Run {
    type Error = StorageError;

    fn try_from(row: recomparison::Model) -> Result<Self, StorageError> {
        Ok(Self {
            number: row.id,
            id: read_uuid(&row.uid, "recomparisons.uid")?,
            day: row.day.map(LocalDay::from_days),
            evaluated_at: Timestamp::from_micros(row.evaluated_at),
            roster: row.roster,
            expected: roster(row.expected, row.expected_digest)?,
            finished_at: row.finished_at.map(Timestamp::from_micros),
            is_cancelled: row.cancelled_at.is_some(),
        })
    }
}

/// Stores a run with its parts; `None` when the day has its run already.
pub async fn begin(
    transaction: &DatabaseTransaction,
    id: Uuid,
    (day, evaluated_at): (Option<LocalDay>, Timestamp),
    (last, expected): (i64, SetDigest),
    parts: &[Part],
) -> Result<Option<i64>, StorageError> {
    if let Some(day) = day {
        let there = recomparison::Entity::find().filter(recomparison::Column::Day.eq(day.days()));
        if there.count(transaction).await? > 0 {
            return Ok(None);
        }
    }
    let row = recomparison::ActiveModel {
        id: NotSet,
        uid: Set(uuid_bytes(id)),
        day: Set(day.map(LocalDay::days)),
        evaluated_at: Set(evaluated_at.micros()),
        roster: Set(last),
        expected: Set(expected.count),
        expected_digest: Set(expected.digest().to_vec()),
        finished_at: Set(None),
        cancelled_at: Set(None),
    };
    let run = recomparison::Entity::insert(row)
        .exec(transaction)
        .await?
        .last_insert_id;
    let none = SetDigest::default();
    let rows = parts.iter().map(|part| {
        let (from, until) = part.keys.clone().unzip();
        part::ActiveModel {
            run: Set(run),
            part: Set(i32::from(part.number)),
            from_key: Set(from),
            until_key: Set(until),
            lease_owner: Set(None),
            lease_until: Set(0),
            done_at: Set(None),
            seen: Set(0),
            seen_digest: Set(none.digest().to_vec()),
            green: Set(0),
            yellow: Set(0),
            red: Set(0),
        }
    });
    part::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    Ok(Some(run))
}

pub async fn find(connection: &impl ConnectionTrait, run: i64) -> Result<Option<Run>, StorageError> {
    let row = recomparison::Entity::find_by_id(run).one(connection).await?;
    row.map(Run::try_from).transpose()
}

/// A run by its id.
pub async fn find_by_id(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<Run>, StorageError> {
    let row = recomparison::Entity::find()
        .filter(recomparison::Column::Uid.eq(uuid_bytes(id)))
        .one(connection)
        .await?;
    row.map(Run::try_from).transpose()
}

/// Runs before a number, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Run>, StorageError> {
    let mut query = recomparison::Entity::find();
    if let Some(before) = before {
        query = query.filter(recomparison::Column::Id.lt(before));
    }
    let rows = query
        .order_by_desc(recomparison::Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Run::try_from).collect()
}

/// Ends a run that goes on before it has looked at everybody.
pub async fn cancel(transaction: &DatabaseTransaction, id: Uuid, now: Timestamp) -> Result<(), StorageError> {
    recomparison::Entity::update_many()
        .col_expr(recomparison::Column::FinishedAt, Expr::value(now.micros()))
        .col_expr(recomparison::Column::CancelledAt, Expr::value(now.micros()))
        .filter(recomparison::Column::Uid.eq(uuid_bytes(id)))
        .filter(recomparison::Column::FinishedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// The newest run.
pub async fn latest(connection: &impl ConnectionTrait) -> Result<Option<Run>, StorageError> {
    let newest = recomparison::Entity::find().order_by_desc(recomparison::Column::Id);
    newest.one(connection).await?.map(Run::try_from).transpose()
}

/// The last day that has its run.
pub async fn last_day(connection: &impl ConnectionTrait) -> Result<Option<LocalDay>, StorageError> {
    let last: Option<Option<i32>> = recomparison::Entity::find()
        .select_only()
        .column_as(recomparison::Column::Day.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().map(LocalDay::from_days))
}

/// The oldest run that is not finished.
pub async fn unfinished(connection: &impl ConnectionTrait) -> Result<Option<Run>, StorageError> {
    let row = recomparison::Entity::find()
        .filter(recomparison::Column::FinishedAt.is_null())
        .order_by_asc(recomparison::Column::Id)
        .one(connection)
        .await?;
    row.map(Run::try_from).transpose()
}

/// Leases a part that nobody is at work on; `None` when there is none.
pub async fn lease(
    transaction: &DatabaseTransaction,
    engine: Engine,
    run: i64,
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Part>, StorageError> {
    let mut free = part::Entity::find()
        .filter(part::Column::Run.eq(run))
        .filter(part::Column::DoneAt.is_null())
        .filter(part::Column::LeaseUntil.lte(now.micros()))
        .order_by_asc(part::Column::Part);
    if engine == Engine::Postgres {
        free = free.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let Some(row) = free.one(transaction).await? else {
        return Ok(None);
    };
    extend(transaction, run, row.part, owner, until).await?;
    Ok(Some(Part {
        number: u8::try_from(row.part).map_err(|_| damaged("part"))?,
        keys: row.from_key.zip(row.until_key),
    }))
}

async fn extend(
    transaction: &DatabaseTransaction,
    run: i64,
    number: i32,
    owner: &str,
    until: Timestamp,
) -> Result<(), StorageError> {
    part::Entity::update_many()
        .col_expr(part::Column::LeaseOwner, Expr::value(owner))
        .col_expr(part::Column::LeaseUntil, Expr::value(until.micros()))
        .filter(part::Column::Run.eq(run))
        .filter(part::Column::Part.eq(number))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Counts a part, once: `false` when somebody else has it or has done it.
pub async fn finish_part(
    transaction: &DatabaseTransaction,
    run: i64,
    number: u8,
    owner: &str,
    looked: &Looked,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let [green, yellow, red] = looked.colours;
    let done = part::Entity::update_many()
        .col_expr(part::Column::DoneAt, Expr::value(now.micros()))
        .col_expr(part::Column::Seen, Expr::value(looked.seen.count))
        .col_expr(
            part::Column::SeenDigest,
            Expr::value(looked.seen.digest().to_vec()),
        )
        .col_expr(part::Column::Green, Expr::value(green))
        .col_expr(part::Column::Yellow, Expr::value(yellow))
        .col_expr(part::Column::Red, Expr::value(red))
        .filter(part::Column::Run.eq(run))
        .filter(part::Column::Part.eq(i32::from(number)))
        .filter(part::Column::LeaseOwner.eq(owner))
        .filter(part::Column::DoneAt.is_null())
        .exec(transaction)
        .await?;
    Ok(done.rows_affected == 1)
}

/// How far a run is: parts done, all parts, and what the done ones counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub parts_done: usize,
    pub parts: usize,
    pub looked: Looked,
}

pub async fn progress(connection: &impl ConnectionTrait, run: i64) -> Result<Progress, StorageError> {
    let mut progress = Progress::default();
    let rows = part::Entity::find()
        .filter(part::Column::Run.eq(run))
        .all(connection)
        .await?;
    for row in rows {
        progress.parts += 1;
        progress.parts_done += usize::from(row.done_at.is_some());
        progress.looked.merge(&Looked {
            seen: roster(row.seen, row.seen_digest)?,
            colours: [row.green, row.yellow, row.red],
        });
    }
    Ok(progress)
}

pub async fn finish(transaction: &DatabaseTransaction, run: i64, now: Timestamp) -> Result<(), StorageError> {
    recomparison::Entity::update_many()
        .col_expr(recomparison::Column::FinishedAt, Expr::value(now.micros()))
        .filter(recomparison::Column::Id.eq(run))
        .filter(recomparison::Column::FinishedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// A subject that a part was begun twice for keeps its first finding.
pub async fn record(
    transaction: &DatabaseTransaction,
    run: i64,
    found: &[Found],
) -> Result<(), StorageError> {
    if found.is_empty() {
        return Ok(());
    }
    let rows = found.iter().map(|found| finding::ActiveModel {
        run: Set(run),
        subject_id: Set(subject_bytes(found.subject)),
        kind: Set(found.finding.as_str().to_owned()),
        colour_before: Set(i32::from(found.before.wire_code())),
        colour_after: Set(i32::from(found.after.wire_code())),
        version: Set(found.version),
    });
    let once = OnConflict::columns([finding::Column::Run, finding::Column::SubjectId])
        .do_nothing()
        .to_owned();
    finding::Entity::insert_many(rows)
        .on_conflict(once)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Findings of a run by subject, after one.
pub async fn findings(
    connection: &impl ConnectionTrait,
    _permit: &AnyPermit,
    run: i64,
    after: Option<SubjectId>,
    limit: u64,
) -> Result<Vec<Found>, StorageError> {
    let mut query = finding::Entity::find().filter(finding::Column::Run.eq(run));
    if let Some(after) = after {
        query = query.filter(finding::Column::SubjectId.gt(subject_bytes(after)));
    }
    let rows = query
        .order_by_asc(finding::Column::SubjectId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.iter().map(found).collect()
}

fn colour(code: i32) -> Result<Colour, StorageError> {
    let colour = u8::try_from(code).ok().and_then(Colour::from_wire_code);
    colour.ok_or_else(|| damaged("colour"))
}

fn found(row: &finding::Model) -> Result<Found, StorageError> {
    Ok(Found {
        subject: read_subject(&row.subject_id, "recomparison_findings.subject_id")?,
        finding: row.kind.parse().map_err(|_| damaged("kind"))?,
        before: colour(row.colour_before)?,
        after: colour(row.colour_after)?,
        version: row.version,
    })
}

/// Findings of a run counted by kind and by the colours before and after.
pub async fn counts(
    connection: &impl ConnectionTrait,
    run: i64,
) -> Result<Vec<(Finding, Colour, Colour, i64)>, StorageError> {
    let rows: Vec<(String, i32, i32, i64)> = finding::Entity::find()
        .select_only()
        .column(finding::Column::Kind)
        .column(finding::Column::ColourBefore)
        .column(finding::Column::ColourAfter)
        .column_as(finding::Column::SubjectId.count(), "count")
        .filter(finding::Column::Run.eq(run))
        .group_by(finding::Column::Kind)
        .group_by(finding::Column::ColourBefore)
        .group_by(finding::Column::ColourAfter)
        .order_by_asc(finding::Column::Kind)
        .order_by_asc(finding::Column::ColourBefore)
        .order_by_asc(finding::Column::ColourAfter)
        .into_tuple()
        .all(connection)
        .await?;
    let read = |(kind, before, after, count): (String, i32, i32, i64)| {
        let kind = kind.parse().map_err(|_| damaged("kind"))?;
        Ok((kind, colour(before)?, colour(after)?, count))
    };
    rows.into_iter().map(read).collect()
}
