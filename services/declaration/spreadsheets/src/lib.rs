#![doc = include_str!("../README.md")]

mod archive;
mod cell;
mod delimited;
mod encoding;
mod error;
pub mod people;
mod table;
mod workbook;

pub use cell::{Cell, CellError};
pub use encoding::decode;
pub use error::FileError;
pub use table::{Row, Table};

use error::FileError as Error;

/// Bytes of a file.
pub const MAX_FILE: usize = 64 * 1024 * 1024;
/// Rows of a file, the header not counted.
pub const MAX_ROWS: usize = 200_000;
/// Columns of a file.
pub const MAX_COLUMNS: usize = 64;
/// Bytes of a cell in UTF-8.
pub const MAX_CELL: usize = 1_024;
/// Bytes of all cells together.
pub const MAX_TEXT: usize = 64 * 1024 * 1024;

/// OLE2, the container of .xls and of encrypted Office files.
const OLE2: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// The beginnings of a zip archive, an empty one included.
const ZIP: [&[u8]; 3] = [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"];

/// Reads the rows of a file. Its content decides what it is: its name is not asked.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    if bytes.len() > MAX_FILE {
        return Err(Error::TooLarge);
    }
    if bytes.starts_with(OLE2) {
        return Err(Error::OldOrEncryptedExcel);
    }
    if is_zip(bytes) {
        archive::check(bytes)?;
        return workbook::read(bytes);
    }
    delimited::read(&decode(bytes)?)
}

fn is_zip(bytes: &[u8]) -> bool {
    ZIP.iter().any(|begin| bytes.starts_with(begin))
}

#[cfg(test)]
mod tests;
