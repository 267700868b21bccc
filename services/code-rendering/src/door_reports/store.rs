//! The table `door_reports`.

pub mod head;

use lutong_kernel::{CheckpointId, Colour, DivisionCode, DoorReportId, LocalDay, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{
    in_division, read_division, read_subject, read_uuid, subject_bytes, uuid_bytes,
};
use lutong_transport::access::DivisionPermit;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use self::door_report::{ActiveModel, Column, Entity, Model};
use super::domain::{DoorReport, State, Step};

pub mod door_report {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "door_reports")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub report_id: Vec<u8>,
        /// Of the last change.
        pub sequence: i64,
        /// Where the person reported themself: the division as a number of 16 bytes, which is the id of no checkpoint.
        pub checkpoint_id: Vec<u8>,
        /// The code as a number.
        pub division: i64,
        pub state: String,
        /// GB/T 38962 wire code: 1, 10.
        pub colour: i32,
        /// The local day, in days since 1970.
        pub scan_day: i32,
        pub scanned_at: i64,
        pub last_scanned_at: i64,
        pub scan_count: i64,
        pub created_at: i64,
        pub due_at: i64,
        pub acknowledged_at: Option<i64>,
        pub acknowledger: Option<String>,
        pub closed_at: Option<i64>,
        pub closer: Option<String>,
        pub outcome: Option<String>,
        /// An account.
        pub staff: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// No division has a greater number: a code has twelve digits at the most.
const LARGEST_DIVISION: u128 = 999_999_999_999;

/// Which reports of those that are reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// In this division or inside it.
    pub division: Option<DivisionCode>,
    pub state: Option<State>,
    pub checkpoint: Option<CheckpointId>,
    /// Open ones that are due before this instant.
    pub due_before: Option<Timestamp>,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("door_reports.{what}"))
}

fn step(account: Option<String>, at: Option<i64>, column: &str) -> Result<Option<Step>, StorageError> {
    match (account, at) {
        (Some(account), Some(at)) => Ok(Some(Step {
            account,
            at: Timestamp::from_micros(at),
        })),
        (None, None) => Ok(None),
        _ => Err(damaged(column)),
    }
}

impl TryFrom<Model> for DoorReport {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let colour = u8::try_from(row.colour).ok().and_then(Colour::from_wire_code);
        let closed = step(row.closer, row.closed_at, "closed_at")?;
        let outcome = row.outcome.map(|outcome| outcome.parse());
        let outcome = outcome.transpose().map_err(|_| damaged("outcome"))?;
        let report_id = read_uuid(&row.report_id, "door_reports.report_id")?;
        let place = read_uuid(&row.checkpoint_id, "door_reports.checkpoint_id")?;
        Ok(Self {
            id: DoorReportId::from_uuid(report_id),
            sequence: row.sequence,
            subject: read_subject(&row.subject_id, "door_reports.subject_id")?,
            checkpoint: (place.as_u128() > LARGEST_DIVISION).then(|| CheckpointId::from_uuid(place)),
            division: read_division(row.division, "door_reports.division")?,
            colour: colour.ok_or_else(|| damaged("colour"))?,
            scanned_at: Timestamp::from_micros(row.scanned_at),
            last_scanned_at: Timestamp::from_micros(row.last_scanned_at),
            scan_count: row.scan_count,
            created_at: Timestamp::from_micros(row.created_at),
            due_at: Timestamp::from_micros(row.due_at),
            acknowledged: step(row.acknowledger, row.acknowledged_at, "acknowledged_at")?,
            closed: closed.zip(outcome),
            staff: row.staff,
        })
    }
}

/// What stands for the place of a report: its checkpoint, or the division of one without.
fn place(report: &DoorReport) -> Vec<u8> {
    let of_division = || Uuid::from_u128(u128::from(report.division.number()));
    uuid_bytes(report.checkpoint.map_or_else(of_division, CheckpointId::uuid))
}

/// The columns of a report that a change may touch.
fn changed(report: &DoorReport) -> ActiveModel {
    let account = |step: Option<&Step>| step.map(|step| step.account.clone());
    let instant = |step: Option<&Step>| step.map(|step| step.at.micros());
    let (acknowledged, closed) = (report.acknowledged.as_ref(), report.closed.as_ref());
    ActiveModel {
        sequence: Set(report.sequence),
        state: Set(report.state().into_str().to_owned()),
        colour: Set(i32::from(report.colour.wire_code())),
        scanned_at: Set(report.scanned_at.micros()),
        last_scanned_at: Set(report.last_scanned_at.micros()),
        scan_count: Set(report.scan_count),
        acknowledged_at: Set(instant(acknowledged)),
        acknowledger: Set(account(acknowledged)),
        closed_at: Set(instant(closed.map(|(step, _)| step))),
        closer: Set(account(closed.map(|(step, _)| step))),
        outcome: Set(closed.map(|(_, outcome)| outcome.into_str().to_owned())),
        staff: Set(report.staff.clone()),
        ..ActiveModel::default()
    }
}

pub async fn insert(transaction: &DatabaseTransaction, report: &DoorReport) -> Result<(), StorageError> {
    let row = ActiveModel {
        subject_id: Set(subject_bytes(report.subject)),
        report_id: Set(uuid_bytes(report.id.uuid())),
        checkpoint_id: Set(place(report)),
        division: Set(i64::from(report.division.number())),
        scan_day: Set(report.scan_day().days()),
        created_at: Set(report.created_at.micros()),
        due_at: Set(report.due_at.micros()),
        ..changed(report)
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Stores what became of a locked report.
pub async fn save(transaction: &DatabaseTransaction, report: &DoorReport) -> Result<(), StorageError> {
    Entity::update_many()
        .set(changed(report))
        .filter(Column::SubjectId.eq(subject_bytes(report.subject)))
        .filter(Column::ReportId.eq(uuid_bytes(report.id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The report of the same person, place and day that is not closed, locked until the end of the transaction.
pub async fn lock_of_day(
    transaction: &DatabaseTransaction,
    new: &DoorReport,
) -> Result<Option<DoorReport>, StorageError> {
    let row = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(new.subject)))
        .filter(Column::CheckpointId.eq(place(new)))
        .filter(Column::ScanDay.eq(new.scan_day().days()))
        .filter(Column::State.ne(State::Closed.into_str()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(DoorReport::try_from).transpose()
}

/// How many reports of themself, closed or not, a person made on a day.
pub async fn count_own_of_day(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    day: LocalDay,
) -> Result<u64, StorageError> {
    let largest = uuid_bytes(Uuid::from_u128(LARGEST_DIVISION));
    let rows = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::CheckpointId.lte(largest))
        .filter(Column::ScanDay.eq(day.days()));
    Ok(rows.count(transaction).await?)
}

/// A report about a person.
pub async fn of_person(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
    id: DoorReportId,
) -> Result<Option<DoorReport>, StorageError> {
    let row = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .filter(Column::ReportId.eq(uuid_bytes(id.uuid())))
        .one(connection)
        .await?;
    row.map(DoorReport::try_from).transpose()
}

/// A report of a checkpoint, for its own device.
pub async fn of_checkpoint(
    connection: &impl ConnectionTrait,
    checkpoint: CheckpointId,
    id: DoorReportId,
) -> Result<Option<DoorReport>, StorageError> {
    let row = Entity::find()
        .filter(Column::ReportId.eq(uuid_bytes(id.uuid())))
        .filter(Column::CheckpointId.eq(uuid_bytes(checkpoint.uuid())))
        .one(connection)
        .await?;
    row.map(DoorReport::try_from).transpose()
}

fn reached(permit: DivisionPermit) -> Condition {
    in_division(Column::Division, permit.jurisdiction().division())
}

fn of_name(permit: DivisionPermit, id: DoorReportId) -> Select<Entity> {
    Entity::find()
        .filter(Column::ReportId.eq(uuid_bytes(id.uuid())))
        .filter(reached(permit))
}

/// A report of the division of the permit.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    id: DoorReportId,
) -> Result<Option<DoorReport>, StorageError> {
    let row = of_name(permit, id).one(connection).await?;
    row.map(DoorReport::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: DoorReportId,
) -> Result<Option<DoorReport>, StorageError> {
    let row = of_name(permit, id).lock_exclusive().one(transaction).await?;
    row.map(DoorReport::try_from).transpose()
}

/// Reports of the division of the permit, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<DoorReport>, StorageError> {
    let mut all = Condition::all().add(reached(permit));
    if let Some(division) = filter.division {
        all = all.add(in_division(Column::Division, division));
    }
    if let Some(state) = filter.state {
        all = all.add(Column::State.eq(state.into_str()));
    }
    if let Some(checkpoint) = filter.checkpoint {
        all = all.add(Column::CheckpointId.eq(uuid_bytes(checkpoint.uuid())));
    }
    if let Some(due_before) = filter.due_before {
        all = all
            .add(Column::State.eq(State::Open.into_str()))
            .add(Column::DueAt.lt(due_before.micros()));
    }
    if let Some(before) = before {
        all = all.add(Column::ReportId.lt(uuid_bytes(before)));
    }
    let rows = Entity::find()
        .filter(all)
        .order_by_desc(Column::ReportId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(DoorReport::try_from).collect()
}

/// Reports of the division of the permit whose last change comes after a sequence, in the order of their changes.
pub async fn changed_after(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    division: Option<DivisionCode>,
    sequence: i64,
    limit: u64,
) -> Result<Vec<DoorReport>, StorageError> {
    let mut all = Condition::all()
        .add(Column::Sequence.gt(sequence))
        .add(reached(permit));
    if let Some(division) = division {
        all = all.add(in_division(Column::Division, division));
    }
    let rows = Entity::find()
        .filter(all)
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(DoorReport::try_from).collect()
}

/// Deletes reports that were closed before an instant, so many at the most; returns how many.
pub async fn delete_closed(
    transaction: &DatabaseTransaction,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StorageError> {
    let old: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::ReportId)
        .filter(Column::State.eq(State::Closed.into_str()))
        .filter(Column::ClosedAt.lt(before.micros()))
        .order_by_asc(Column::ClosedAt)
        .limit(limit)
        .into_tuple()
        .all(transaction)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    let deleted = Entity::delete_many()
        .filter(Column::ReportId.is_in(old))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
