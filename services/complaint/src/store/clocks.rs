//! The table `case_clocks`.

use std::collections::HashMap;

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};

use self::case_clock::{ActiveModel, Column, Entity, Model};
use crate::domain::clocks::Clock;
use crate::domain::tracking::TrackingNumber;

pub mod case_clock {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "case_clocks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub started_at: i64,
        pub warn_at: Option<i64>,
        pub due_at: i64,
        pub raise_again_at: i64,
        pub stage: String,
        pub stopped_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The clocks of cases, by tracking number.
pub async fn of(
    connection: &impl ConnectionTrait,
    numbers: Vec<String>,
) -> Result<HashMap<String, Vec<Clock>>, StorageError> {
    let rows = Entity::find()
        .filter(Column::TrackingNumber.is_in(numbers))
        .order_by_desc(Column::Kind)
        .all(connection)
        .await?;
    let mut clocks: HashMap<String, Vec<Clock>> = HashMap::new();
    for row in rows {
        let number = row.tracking_number.clone();
        clocks.entry(number).or_default().push(read(&row)?);
    }
    Ok(clocks)
}

/// Stores the clocks of a case in place of those it had.
pub async fn replace(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
    clocks: &[Clock],
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .exec(transaction)
        .await?;
    if clocks.is_empty() {
        return Ok(());
    }
    insert_all(transaction, [(number, clocks)]).await
}

/// Stores the clocks of cases that have none.
pub async fn insert_all<'a>(
    transaction: &DatabaseTransaction,
    cases: impl IntoIterator<Item = (&'a TrackingNumber, &'a [Clock])>,
) -> Result<(), StorageError> {
    let mut rows = Vec::new();
    for (number, clocks) in cases {
        rows.extend(clocks.iter().map(|clock| row(number, clock)));
    }
    if rows.is_empty() {
        return Ok(());
    }
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

fn row(number: &TrackingNumber, clock: &Clock) -> ActiveModel {
    ActiveModel {
        tracking_number: Set(number.as_str().to_owned()),
        kind: Set(clock.kind.into_str().to_owned()),
        started_at: Set(clock.started_at.micros()),
        warn_at: Set(clock.warn_at.map(Timestamp::micros)),
        due_at: Set(clock.due_at.micros()),
        raise_again_at: Set(clock.raise_again_at.micros()),
        stage: Set(clock.stage.into_str().to_owned()),
        stopped_at: Set(clock.stopped_at.map(Timestamp::micros)),
    }
}

fn read(row: &Model) -> Result<Clock, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("case_clocks.{what}"));
    Ok(Clock {
        kind: row.kind.parse().map_err(|_| damaged("kind"))?,
        started_at: Timestamp::from_micros(row.started_at),
        warn_at: row.warn_at.map(Timestamp::from_micros),
        due_at: Timestamp::from_micros(row.due_at),
        raise_again_at: Timestamp::from_micros(row.raise_again_at),
        stage: row.stage.parse().map_err(|_| damaged("stage"))?,
        stopped_at: row.stopped_at.map(Timestamp::from_micros),
    })
}
