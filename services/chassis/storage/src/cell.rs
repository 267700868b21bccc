//! Values of rows and types of columns.

use sea_orm::Value;
use uuid::Uuid;

use super::column::uuid_bytes;

/// The type of a column; PostgreSQL casts BIGINT to INTEGER on assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bytes,
    Text,
    Number,
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// As its sixteen bytes.
    Id(Option<Uuid>),
    Bytes(Option<&'a [u8]>),
    Text(Option<&'a str>),
    Number(Option<i64>),
}

impl Cell<'_> {
    pub(super) const fn is_null(self) -> bool {
        matches!(
            self,
            Self::Id(None) | Self::Bytes(None) | Self::Text(None) | Self::Number(None)
        )
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Id(id) => Self::Bytes(id.map(uuid_bytes)),
            Cell::Bytes(bytes) => Self::Bytes(bytes.map(<[u8]>::to_vec)),
            Cell::Text(text) => Self::String(text.map(str::to_owned)),
            Cell::Number(number) => Self::BigInt(number),
        }
    }
}
