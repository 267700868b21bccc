//! Runs over everyone as stored, with their parts and findings.

pub mod findings;
pub mod parts;

use lutong_kernel::{LocalDay, Timestamp};
use lutong_risk_engine::set_digest::SetDigest;
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::subjects::store::scan::Part;

/// The table `recomparisons`.
pub mod recomparison {
    use sea_orm::entity::prelude::*;

    /// A run over everyone.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparisons")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// The id of the resource.
        pub uid: Vec<u8>,
        /// The local day of a daily run, in days since 1970-01-01; absent for a run that was requested.
        #[sea_orm(unique)]
        pub day: Option<i32>,
        /// The instant for which everybody is evaluated.
        pub evaluated_at: i64,
        /// The last row of `rosters` that the run covers, followed by the sum of these rows.
        pub roster: i64,
        pub expected: i64,
        pub expected_digest: Vec<u8>,
        pub finished_at: Option<i64>,
        /// Set if it was cancelled before its end.
        pub cancelled_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Runs are numbered in the order in which they began.
    pub number: i64,
    pub id: Uuid,
    pub day: Option<LocalDay>,
    pub evaluated_at: Timestamp,
    /// The last row of `rosters` that the run covers.
    pub roster: i64,
    /// The subjects to compare.
    pub expected: SetDigest,
    /// Set when the run is finished or cancelled.
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

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("recomparisons.{what}"))
}

/// A set digest from its two columns.
fn set_digest(count: i64, digest: Vec<u8>) -> Result<SetDigest, StorageError> {
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
            expected: set_digest(row.expected, row.expected_digest)?,
            finished_at: row.finished_at.map(Timestamp::from_micros),
            is_cancelled: row.cancelled_at.is_some(),
        })
    }
}

/// Stores a run with its parts and returns its number; `None` if the day has a run already.
pub async fn begin(
    transaction: &DatabaseTransaction,
    id: Uuid,
    (day, evaluated_at): (Option<LocalDay>, Timestamp),
    (last, expected): (i64, SetDigest),
    parts: &[Part],
) -> Result<i64, StorageError> {
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
    parts::insert(transaction, run, parts).await?;
    Ok(run)
}

/// Whether the day has a run.
pub async fn is_begun_on(transaction: &DatabaseTransaction, day: LocalDay) -> Result<bool, StorageError> {
    let there = recomparison::Entity::find().filter(recomparison::Column::Day.eq(day.days()));
    Ok(there.count(transaction).await? > 0)
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

/// Cancels an unfinished run.
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

/// The last day that has a run.
pub async fn last_day(connection: &impl ConnectionTrait) -> Result<Option<LocalDay>, StorageError> {
    let last: Option<Option<i32>> = recomparison::Entity::find()
        .select_only()
        .column_as(recomparison::Column::Day.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().map(LocalDay::from_days))
}

/// The oldest unfinished run.
pub async fn unfinished(connection: &impl ConnectionTrait) -> Result<Option<Run>, StorageError> {
    let row = recomparison::Entity::find()
        .filter(recomparison::Column::FinishedAt.is_null())
        .order_by_asc(recomparison::Column::Id)
        .one(connection)
        .await?;
    row.map(Run::try_from).transpose()
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
