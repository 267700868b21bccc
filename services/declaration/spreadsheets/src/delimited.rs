//! CSV.

use crate::cell::Cell;
use crate::error::FileError;
use crate::table::{Table, TableBuilder};

/// Reads the records of a CSV text. A record may have another number of cells than the header: that is an error of the row.
pub fn read(text: &str) -> Result<Table, FileError> {
    // With CRLF the reader counts a line after the record that it ends.
    let text = text.replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut table = TableBuilder::default();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|_| FileError::Damaged)? {
        let line = record.position().map_or(0, csv::Position::line);
        table.push(line, record.iter().map(Cell::of_text).collect())?;
    }
    table.finish()
}
