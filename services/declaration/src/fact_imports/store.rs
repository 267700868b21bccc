//! The tables of imports in several calls: `fact_imports`, `fact_import_rows`, `fact_import_errors`. Functions that read a feed's rows
//! take its permit.

use lutong_kernel::{Fault, Timestamp, Violation};
use lutong_proto::risk_rules::v1::FactStatement;
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use lutong_transport::access::FeedPermit;
use prost::Message as _;
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    ExprTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::domain::{FactImport, Tally};
use crate::fault;

pub mod fact_import {
    use sea_orm::entity::prelude::*;

    /// An import in several calls.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_imports")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        pub source: String,
        pub mode: String,
        pub state: String,
        pub next_row: i64,
        pub accepted: i64,
        pub unchanged: i64,
        pub refused: i64,
        pub redecided: i64,
        /// An operation of risk-rules.
        pub pending: Option<Vec<u8>>,
        pub created_at: i64,
        pub finished_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod fact_import_error {
    use sea_orm::entity::prelude::*;

    /// A violation of a refused row: field and reason, without the value.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_import_errors")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// From 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub row: i64,
        /// The index of the violation within its row.
        #[sea_orm(primary_key, auto_increment = false)]
        pub nth: i64,
        pub field: String,
        pub reason: String,
        pub zh: String,
        pub en: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod fact_import_row {
    use sea_orm::entity::prelude::*;

    /// A staged row of an all-or-nothing import: the statement about a subject, encrypted. It never contains a document.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fact_import_rows")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub import_id: Vec<u8>,
        /// From 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub row: i64,
        pub statement: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows of one SQL statement.
const BATCH: usize = 500;

/// A violation of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    pub row: i64,
    /// The index of the violation within its row.
    pub nth: i64,
    pub wrong: Violation,
}

/// What a chunk, or the end of the import, adds to it.
#[derive(Debug, Default)]
pub struct Progress {
    pub tally: Tally,
    pub errors: Vec<RowError>,
    /// Rows of an all-or-nothing import that wait for its end: number and statement.
    pub staged: Vec<(i64, FactStatement)>,
}

fn context(import: Uuid, row: i64) -> Vec<u8> {
    format!("fact_import_rows/statement/{import}/{row}").into_bytes()
}

pub async fn insert(transaction: &DatabaseTransaction, import: &FactImport) -> Result<(), StorageError> {
    let row = fact_import::ActiveModel {
        import_id: Set(uuid_bytes(import.id)),
        source: Set(import.source.clone()),
        mode: Set(import.mode.into_str().to_owned()),
        state: Set(import.state.into_str().to_owned()),
        next_row: Set(import.next_row),
        accepted: Set(import.tally.accepted),
        unchanged: Set(import.tally.unchanged),
        refused: Set(import.tally.refused),
        redecided: Set(import.tally.redecided),
        pending: Set(import.tally.pending.map(uuid_bytes)),
        created_at: Set(import.created_at.micros()),
        finished_at: Set(import.finished_at.map(Timestamp::micros)),
    };
    fact_import::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// An import of the feed. Another feed's import is not found.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: &FeedPermit,
    id: Uuid,
) -> Result<Option<FactImport>, StorageError> {
    let row = fact_import::Entity::find_by_id(uuid_bytes(id))
        .filter(fact_import::Column::Source.eq(permit.feed().source.as_str()))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

/// The feed's imports before one, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: &FeedPermit,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<FactImport>, StorageError> {
    use fact_import::Column;
    let mut query = fact_import::Entity::find().filter(Column::Source.eq(permit.feed().source.as_str()));
    if let Some(before) = before {
        query = query.filter(Column::ImportId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(Column::ImportId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

fn read(row: fact_import::Model) -> Result<FactImport, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("fact_imports.{what}"));
    Ok(FactImport {
        id: read_uuid(&row.import_id, "fact_imports.import_id")?,
        mode: row.mode.parse().map_err(|_| damaged("mode"))?,
        state: row.state.parse().map_err(|_| damaged("state"))?,
        source: row.source,
        next_row: row.next_row,
        tally: Tally {
            accepted: row.accepted,
            unchanged: row.unchanged,
            refused: row.refused,
            redecided: row.redecided,
            pending: row
                .pending
                .map(|id| read_uuid(&id, "fact_imports.pending"))
                .transpose()?,
        },
        created_at: Timestamp::from_micros(row.created_at),
        finished_at: row.finished_at.map(Timestamp::from_micros),
    })
}

/// Adds progress to an import that is still as `seen`. Returns `false` when another call changed it meanwhile.
pub async fn advance(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    seen: &FactImport,
    rows: i64,
    progress: Progress,
) -> Result<bool, Fault> {
    let next = FactImport {
        next_row: seen.next_row + rows,
        tally: seen.tally.plus(progress.tally),
        ..seen.clone()
    };
    if !replace(transaction, seen, &next).await? {
        return Ok(false);
    }
    add_errors(transaction, seen.id, &progress.errors).await?;
    stage(transaction, cipher, seen.id, &progress.staged).await?;
    Ok(true)
}

/// Ends an import that is still as `seen`, and deletes its staged rows. Returns `false` when another call changed it meanwhile.
pub async fn end(
    transaction: &DatabaseTransaction,
    seen: &FactImport,
    ended: &FactImport,
    errors: &[RowError],
) -> Result<bool, StorageError> {
    if !replace(transaction, seen, ended).await? {
        return Ok(false);
    }
    add_errors(transaction, seen.id, errors).await?;
    fact_import_row::Entity::delete_many()
        .filter(fact_import_row::Column::ImportId.eq(uuid_bytes(seen.id)))
        .exec(transaction)
        .await?;
    Ok(true)
}

async fn replace(
    transaction: &DatabaseTransaction,
    seen: &FactImport,
    next: &FactImport,
) -> Result<bool, StorageError> {
    use fact_import::Column;
    let moved = fact_import::Entity::update_many()
        .col_expr(Column::State, Expr::value(next.state.into_str()))
        .col_expr(Column::NextRow, Expr::value(next.next_row))
        .col_expr(Column::Accepted, Expr::value(next.tally.accepted))
        .col_expr(Column::Unchanged, Expr::value(next.tally.unchanged))
        .col_expr(Column::Refused, Expr::value(next.tally.refused))
        .col_expr(Column::Redecided, Expr::value(next.tally.redecided))
        .col_expr(Column::Pending, Expr::value(next.tally.pending.map(uuid_bytes)))
        .col_expr(
            Column::FinishedAt,
            Expr::value(next.finished_at.map(Timestamp::micros)),
        )
        .filter(Column::ImportId.eq(uuid_bytes(seen.id)))
        .filter(Column::State.eq(seen.state.into_str()))
        .filter(Column::NextRow.eq(seen.next_row))
        .exec(transaction)
        .await?;
    Ok(moved.rows_affected > 0)
}

async fn add_errors(
    transaction: &DatabaseTransaction,
    import: Uuid,
    errors: &[RowError],
) -> Result<(), StorageError> {
    for some in errors.chunks(BATCH) {
        let rows = some.iter().map(|error| fact_import_error::ActiveModel {
            import_id: Set(uuid_bytes(import)),
            row: Set(error.row),
            nth: Set(error.nth),
            field: Set(error.wrong.field.clone()),
            reason: Set(error.wrong.reason.to_string()),
            zh: Set(error.wrong.zh.clone()),
            en: Set(error.wrong.en.clone()),
        });
        fact_import_error::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

async fn stage(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    import: Uuid,
    staged: &[(i64, FactStatement)],
) -> Result<(), CipherError> {
    for some in staged.chunks(BATCH) {
        let mut rows = Vec::with_capacity(some.len());
        for (row, statement) in some {
            rows.push(fact_import_row::ActiveModel {
                import_id: Set(uuid_bytes(import)),
                row: Set(*row),
                statement: Set(cipher.encrypt(&statement.encode_to_vec(), &context(import, *row))?),
            });
        }
        fact_import_row::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await
            .map_err(StorageError::from)?;
    }
    Ok(())
}

/// The staged rows of an import, in order.
pub async fn staged(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    import: &FactImport,
) -> Result<Vec<(i64, FactStatement)>, Fault> {
    let rows = fact_import_row::Entity::find()
        .filter(fact_import_row::Column::ImportId.eq(uuid_bytes(import.id)))
        .order_by_asc(fact_import_row::Column::Row)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    let open = |row: fact_import_row::Model| {
        let bytes = cipher.decrypt(&row.statement, &context(import.id, row.row))?;
        let statement = FactStatement::decode(&*bytes)
            .map_err(|_| StorageError::Damaged("fact_import_rows.statement".to_owned()))?;
        Ok((row.row, statement))
    };
    rows.into_iter().map(open).collect()
}

/// Errors of an import after a position, in the order of its rows.
pub async fn errors(
    connection: &impl ConnectionTrait,
    import: &FactImport,
    after: Option<(i64, i64)>,
    limit: u64,
) -> Result<Vec<RowError>, StorageError> {
    use fact_import_error::Column;
    let mut query = fact_import_error::Entity::find().filter(Column::ImportId.eq(uuid_bytes(import.id)));
    if let Some((row, nth)) = after {
        let in_row = Condition::all().add(Column::Row.eq(row)).add(Column::Nth.gt(nth));
        query = query.filter(Condition::any().add(Column::Row.gt(row)).add(in_row));
    }
    let rows = query
        .order_by_asc(Column::Row)
        .order_by_asc(Column::Nth)
        .limit(limit)
        .all(connection)
        .await?;
    let errors = rows.into_iter().map(|row| RowError {
        row: row.row,
        nth: row.nth,
        wrong: fault::stored(row.field, row.reason, row.zh, row.en),
    });
    Ok(errors.collect())
}

/// Deletes imports that ended before `ended_before`, or were created before `begun_before` and never ended. Returns how many.
pub async fn delete_old(
    transaction: &DatabaseTransaction,
    ended_before: Timestamp,
    begun_before: Timestamp,
) -> Result<u64, StorageError> {
    use fact_import::Column;
    let ended = Column::FinishedAt.lt(ended_before.micros());
    let left = Column::FinishedAt
        .is_null()
        .and(Column::CreatedAt.lt(begun_before.micros()));
    let old: Vec<Vec<u8>> = fact_import::Entity::find()
        .select_only()
        .column(Column::ImportId)
        .filter(Condition::any().add(ended).add(left))
        .limit(BATCH as u64)
        .into_tuple()
        .all(transaction)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    fact_import_error::Entity::delete_many()
        .filter(fact_import_error::Column::ImportId.is_in(old.clone()))
        .exec(transaction)
        .await?;
    fact_import_row::Entity::delete_many()
        .filter(fact_import_row::Column::ImportId.is_in(old.clone()))
        .exec(transaction)
        .await?;
    let gone = fact_import::Entity::delete_many()
        .filter(Column::ImportId.is_in(old))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}
