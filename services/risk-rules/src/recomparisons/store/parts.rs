//! The parts of a run: leased to workers, each counted once.

use lutong_kernel::Timestamp;
use lutong_risk_engine::set_digest::SetDigest;
use lutong_storage::{Engine, StorageError};
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::{damaged, set_digest};
use crate::recomparisons::domain::Coverage;
use crate::subjects::store::scan::Part;

/// The table `recomparison_parts`.
pub mod recomparison_part {
    use sea_orm::entity::prelude::*;

    /// A part of a run, leased to a worker until it is done.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparison_parts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub part: i32,
        pub from_key: Option<Vec<u8>>,
        pub until_key: Option<Vec<u8>>,
        pub lease_owner: Option<String>,
        pub lease_until: i64,
        pub done_at: Option<i64>,
        pub seen: i64,
        pub seen_digest: Vec<u8>,
        pub green: i64,
        pub yellow: i64,
        pub red: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Stores the parts of a new run.
pub(super) async fn insert(
    transaction: &DatabaseTransaction,
    run: i64,
    parts: &[Part],
) -> Result<(), StorageError> {
    let none = SetDigest::default();
    let rows = parts.iter().map(|part| {
        let (from, until) = part.keys.clone().unzip();
        recomparison_part::ActiveModel {
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
    recomparison_part::Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Leases a free part; `None` if there is none.
pub async fn lease(
    transaction: &DatabaseTransaction,
    engine: Engine,
    run: i64,
    owner: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Part>, StorageError> {
    let mut free = recomparison_part::Entity::find()
        .filter(recomparison_part::Column::Run.eq(run))
        .filter(recomparison_part::Column::DoneAt.is_null())
        .filter(recomparison_part::Column::LeaseUntil.lte(now.micros()))
        .order_by_asc(recomparison_part::Column::Part);
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

/// Sets the holder and the end of a lease.
async fn extend(
    transaction: &DatabaseTransaction,
    run: i64,
    number: i32,
    owner: &str,
    until: Timestamp,
) -> Result<(), StorageError> {
    recomparison_part::Entity::update_many()
        .col_expr(recomparison_part::Column::LeaseOwner, Expr::value(owner))
        .col_expr(recomparison_part::Column::LeaseUntil, Expr::value(until.micros()))
        .filter(recomparison_part::Column::Run.eq(run))
        .filter(recomparison_part::Column::Part.eq(number))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores the coverage of a part; `false` if another worker holds or has finished it.
pub async fn finish_part(
    transaction: &DatabaseTransaction,
    run: i64,
    number: u8,
    owner: &str,
    coverage: &Coverage,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let [green, yellow, red] = coverage.colours;
    let done = recomparison_part::Entity::update_many()
        .col_expr(recomparison_part::Column::DoneAt, Expr::value(now.micros()))
        .col_expr(recomparison_part::Column::Seen, Expr::value(coverage.seen.count))
        .col_expr(
            recomparison_part::Column::SeenDigest,
            Expr::value(coverage.seen.digest().to_vec()),
        )
        .col_expr(recomparison_part::Column::Green, Expr::value(green))
        .col_expr(recomparison_part::Column::Yellow, Expr::value(yellow))
        .col_expr(recomparison_part::Column::Red, Expr::value(red))
        .filter(recomparison_part::Column::Run.eq(run))
        .filter(recomparison_part::Column::Part.eq(i32::from(number)))
        .filter(recomparison_part::Column::LeaseOwner.eq(owner))
        .filter(recomparison_part::Column::DoneAt.is_null())
        .exec(transaction)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The progress of a run: finished parts, all parts, and the coverage of the finished ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub parts_done: usize,
    pub parts: usize,
    pub coverage: Coverage,
}

pub async fn progress(connection: &impl ConnectionTrait, run: i64) -> Result<Progress, StorageError> {
    let mut progress = Progress::default();
    let rows = recomparison_part::Entity::find()
        .filter(recomparison_part::Column::Run.eq(run))
        .all(connection)
        .await?;
    for row in rows {
        progress.parts += 1;
        progress.parts_done += usize::from(row.done_at.is_some());
        progress.coverage.merge(&Coverage {
            seen: set_digest(row.seen, row.seen_digest)?,
            colours: [row.green, row.yellow, row.red],
        });
    }
    Ok(progress)
}
