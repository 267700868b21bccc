//! How far the tables reach that every decision stands on.

use lutong_storage::StorageError;
use sea_orm::{ConnectionTrait, Statement};

/// The highest ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    pub area: i64,
    pub merge: i64,
}

/// One question, since every transaction that decides asks it.
pub async fn last(connection: &impl ConnectionTrait) -> Result<Last, StorageError> {
    let query = "SELECT coalesce((SELECT max(id) FROM areas), 0) AS area, coalesce((SELECT max(id) FROM merges), 0) AS merge";
    let query = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(query).await?;
    let row = row.ok_or_else(|| StorageError::Damaged("a query without a table has no row".to_owned()))?;
    Ok(Last {
        area: row.try_get("", "area")?,
        merge: row.try_get("", "merge")?,
    })
}
