//! The position in the append-only tables that every decision depends on.

use lutong_storage::StorageError;
use sea_orm::{ConnectionTrait, Statement};

/// The greatest ids of the areas and of the merges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BasisPosition {
    pub area: i64,
    pub merge: i64,
}

/// The current position. A single query, because every transaction that decides executes it.
pub async fn position(connection: &impl ConnectionTrait) -> Result<BasisPosition, StorageError> {
    let query = "SELECT coalesce((SELECT max(id) FROM areas), 0) AS area, coalesce((SELECT max(id) FROM merges), 0) AS merge";
    let query = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(query).await?;
    let row = row.ok_or_else(|| StorageError::Damaged("a query without a table has no row".to_owned()))?;
    Ok(BasisPosition {
        area: row.try_get("", "area")?,
        merge: row.try_get("", "merge")?,
    })
}
