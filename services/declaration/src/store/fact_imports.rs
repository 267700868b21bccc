//! Imports in several calls. Functions that reach a feed's rows take its permit.

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

use super::tables::{fact_import, fact_import_error, fact_import_row};
use crate::domain::fact_import::{FactImport, Mode, State, Tally};

/// Rows of one statement of SQL.
const TOGETHER: usize = 500;

/// What is wrong with one field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    pub row: i64,
    /// Within the row.
    pub nth: i64,
    pub wrong: Violation,
}

/// What a piece added, or the end did.
#[derive(Debug, Default)]
pub struct Progress {
    pub tally: Tally,
    pub errors: Vec<RowError>,
    /// Row and statement, where they wait to be stored together.
    pub staged: Vec<(i64, FactStatement)>,
}

fn context(import: Uuid, row: i64) -> Vec<u8> {
    format!("fact_import_rows/statement/{import}/{row}").into_bytes()
}

pub async fn insert(transaction: &DatabaseTransaction, import: &FactImport) -> Result<(), StorageError> {
    let row = fact_import::ActiveModel {
        import_id: Set(uuid_bytes(import.id)),
        source: Set(import.source.clone()),
        mode: Set(import.mode.as_str().to_owned()),
        state: Set(import.state.as_str().to_owned()),
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

/// The feed's import; another feed's is not there.
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
        mode: Mode::parse(&row.mode).ok_or_else(|| damaged("mode"))?,
        state: State::parse(&row.state).ok_or_else(|| damaged("state"))?,
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

/// Moves an import on from where it was seen; `false` when somebody else did meanwhile.
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

/// Ends an import from where it was seen, and forgets its waiting rows; `false` when it moved meanwhile.
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
        .col_expr(Column::State, Expr::value(next.state.as_str()))
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
        .filter(Column::State.eq(seen.state.as_str()))
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
    for some in errors.chunks(TOGETHER) {
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
    for some in staged.chunks(TOGETHER) {
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

/// The rows of an import that wait to be stored together, in order.
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

/// Errors of an import after a place, in the order of its rows.
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
    let told = rows.into_iter().map(|row| RowError {
        row: row.row,
        nth: row.nth,
        wrong: Violation::new(row.field, row.reason, row.zh, row.en),
    });
    Ok(told.collect())
}

/// Forgets imports that ended before one instant, or were begun before another and never ended. How many.
pub async fn forget(
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
        .limit(TOGETHER as u64)
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
