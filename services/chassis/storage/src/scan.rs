//! Full table scans, for work over every subject: PostgreSQL's binary COPY, and SQLite on a connection of its own.
//! Row-by-row reads through the ORM would cost several times the work on the rows.

use std::sync::Arc;

use futures::StreamExt as _;
use rusqlite::OpenFlags;
use sqlx::postgres::PgPoolCopyExt as _;

use super::{Database, StorageError};

/// Signature of a binary copy, flags and an empty header extension (PostgreSQL 15, COPY, Binary Format).
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const COPY_HEADER: usize = 11 + 4 + 4;
/// Rows after which the task yields.
const TURN: usize = 512;

/// The fields of one row in PostgreSQL's binary form, in order.
#[derive(Debug, Clone, Copy)]
pub struct CopyRow<'a>(&'a [u8]);

impl<'a> CopyRow<'a> {
    /// The next field; `None` is NULL.
    pub fn bytes(&mut self) -> Result<Option<&'a [u8]>, StorageError> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or_else(unreadable)?;
        self.0 = rest;
        // Minus one is NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            return Ok(None);
        };
        let (field, rest) = rest.split_at_checked(length).ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(Some(field))
    }

    pub fn bigint(&mut self) -> Result<Option<i64>, StorageError> {
        let Some(field) = self.bytes()? else {
            return Ok(None);
        };
        let bytes = field.try_into().map_err(|_| unreadable())?;
        Ok(Some(i64::from_be_bytes(bytes)))
    }

    pub fn integer(&mut self) -> Result<Option<i32>, StorageError> {
        let Some(field) = self.bytes()? else {
            return Ok(None);
        };
        let bytes = field.try_into().map_err(|_| unreadable())?;
        Ok(Some(i32::from_be_bytes(bytes)))
    }
}

/// One row of SQLite.
pub type SqliteRow<'a> = rusqlite::Row<'a>;

fn unreadable() -> StorageError {
    StorageError::Damaged("a binary copy does not read".to_owned())
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(Arc::new(error))
    }
}

impl Database {
    /// Runs `COPY … TO STDOUT (FORMAT binary)` on PostgreSQL and passes every row to `each`, in one snapshot.
    pub async fn copy_out(
        &self,
        copy: &str,
        mut each: impl FnMut(CopyRow<'_>) -> Result<(), StorageError> + Send,
    ) -> Result<(), StorageError> {
        let failed = |error: sqlx::Error| StorageError::Unavailable(Arc::new(error));
        let pool = self.reader.get_postgres_connection_pool();
        let mut stream = pool.copy_out_raw(copy).await.map_err(failed)?;
        let mut rows = 0;
        while let Some(message) = stream.next().await {
            let message = message.map_err(failed)?;
            // The server sends the header together with the first row or the trailer, then one row per message.
            let tuple = match message.strip_prefix(SIGNATURE) {
                Some(_) => message.get(COPY_HEADER..).ok_or_else(unreadable)?,
                None => &message[..],
            };
            let Some((fields, row)) = tuple.split_first_chunk::<2>() else {
                continue;
            };
            if i16::from_be_bytes(*fields) < 0 {
                continue;
            }
            each(CopyRow(row))?;
            rows += 1;
            if rows % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Runs a query on SQLite, on its own thread and read-only connection, and passes every row to `each`, in one
    /// snapshot.
    pub async fn read_through<T: Send + 'static>(
        &self,
        query: String,
        parameters: Vec<Vec<u8>>,
        mut seen: T,
        mut each: impl FnMut(&mut T, &SqliteRow<'_>) -> Result<(), StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let file = self
            .file
            .clone()
            .ok_or_else(|| StorageError::Config("this is not SQLite".to_owned()))?;
        let read = move || {
            // The connection stays on this thread, so its mutex, taken for every value read, is not needed.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = rusqlite::Connection::open_with_flags(&file, flags)?;
            let mut statement = connection.prepare(&query)?;
            let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
            while let Some(row) = rows.next()? {
                each(&mut seen, row)?;
            }
            Ok(seen)
        };
        let stopped = |error| StorageError::Unavailable(Arc::new(error));
        tokio::task::spawn_blocking(read).await.map_err(stopped)?
    }
}
