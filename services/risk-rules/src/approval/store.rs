//! Columns that the tables of resources with two officers share.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;

use super::domain::{Closing, Signature};

/// A signature from its two columns, which are present together.
pub fn signature(by: Option<String>, at: Option<i64>) -> Option<Signature> {
    Some(Signature {
        officer: by?,
        at: Timestamp::from_micros(at?),
    })
}

/// How, by whom and when a resource was closed, from the three columns that `table` has for it.
pub fn closing(
    table: &str,
    how: Option<&str>,
    by: Option<String>,
    at: Option<i64>,
) -> Result<Option<(Closing, Signature)>, StorageError> {
    let Some(how) = how else { return Ok(None) };
    let damaged = |_| StorageError::Damaged(format!("{table}.closed_as"));
    let how = how.parse().map_err(damaged)?;
    Ok(signature(by, at).map(|by| (how, by)))
}
