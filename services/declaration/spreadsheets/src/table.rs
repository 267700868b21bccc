//! The rows of a file, within the bounds.

use crate::cell::Cell;
use crate::error::FileError;
use crate::{MAX_COLUMNS, MAX_ROWS, MAX_TEXT};

/// A row, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line of a CSV file where it begins, the row of a sheet; from 1.
    pub line: u64,
    pub cells: Vec<Cell>,
}

/// The header and the rows of a file. Rows without any text are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub header: Row,
    pub rows: Vec<Row>,
}

/// Gathers rows and counts what they hold.
#[derive(Debug, Default)]
pub struct TableBuilder {
    header: Option<Row>,
    rows: Vec<Row>,
    text: usize,
}

impl TableBuilder {
    /// Adds the next row. Trailing empty cells are dropped.
    pub fn push(&mut self, line: u64, mut cells: Vec<Cell>) -> Result<(), FileError> {
        while cells.last().is_some_and(Cell::is_empty) {
            cells.pop();
        }
        if cells.is_empty() {
            return Ok(());
        }
        if cells.len() > MAX_COLUMNS {
            return Err(FileError::TooManyColumns);
        }
        self.text += cells.iter().map(Cell::len).sum::<usize>();
        if self.text > MAX_TEXT {
            return Err(FileError::TooMuchText);
        }
        if self.header.is_none() {
            self.header = Some(Row { line, cells });
            return Ok(());
        }
        if self.rows.len() == MAX_ROWS {
            return Err(FileError::TooManyRows);
        }
        self.rows.push(Row { line, cells });
        Ok(())
    }

    pub fn finish(self) -> Result<Table, FileError> {
        match self.header {
            Some(header) if !self.rows.is_empty() => Ok(Table {
                header,
                rows: self.rows,
            }),
            _ => Err(FileError::Empty),
        }
    }
}
