//! Walks an XLSX archive before anything opens it: every entry is inflated into nothing, and the bytes are counted. Sizes that the
//! archive declares are not believed.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use crate::error::FileError;
use crate::is_zip;

/// Entries of an archive.
pub const MAX_ENTRIES: usize = 200;
/// Inflated bytes of an archive.
pub const MAX_INFLATED: u64 = 64 * 1024 * 1024;
/// Inflated to packed bytes of an entry, once it has more than [`SMALL`].
pub const MAX_RATIO: u64 = 200;
/// Inflated bytes below which the ratio is not asked: an empty sheet is well packed.
pub const SMALL: u64 = 1024 * 1024;

/// The signature of an entry of the central directory.
const CENTRAL: &[u8] = b"PK\x01\x02";

/// What the names of the entries tell.
#[derive(Debug, Default)]
struct Contents {
    format: Option<Format>,
    has_macros: bool,
}

/// The format of an office file.
#[derive(Debug, Clone, Copy)]
enum Format {
    Xlsx,
    Xlsb,
    OpenDocument,
}

/// Refuses an archive that is no XLSX, or one that nobody should open.
pub fn check(bytes: &[u8]) -> Result<(), FileError> {
    // Before the directory is read into memory.
    if bytes
        .windows(CENTRAL.len())
        .filter(|four| *four == CENTRAL)
        .nth(MAX_ENTRIES)
        .is_some()
    {
        return Err(FileError::TooManyEntries);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::Damaged)?;
    if archive.len() > MAX_ENTRIES {
        return Err(FileError::TooManyEntries);
    }
    let mut contents = Contents::default();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| FileError::Damaged)?;
        if entry.encrypted() {
            return Err(FileError::Encrypted);
        }
        let name = entry.name().map_err(|_| FileError::EntryName)?;
        contents.note(&name)?;
    }
    contents.judge()?;
    let mut inflated = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(_) => FileError::Unknown,
            _ => FileError::Damaged,
        })?;
        inflate(entry, &mut inflated)?;
    }
    Ok(())
}

/// Inflates an entry and counts its bytes.
fn inflate(mut entry: ZipFile<'_, Cursor<&[u8]>>, total: &mut u64) -> Result<(), FileError> {
    let packed = entry.compressed_size().max(1);
    let mut buffer = vec![0; 64 * 1024];
    let mut inflated = 0;
    loop {
        let read = entry.read(&mut buffer).map_err(|_| FileError::Damaged)?;
        if read == 0 {
            return Ok(());
        }
        if inflated == 0 && is_zip(&buffer[..read]) {
            return Err(FileError::NestedArchive);
        }
        inflated += read as u64;
        *total += read as u64;
        if *total > MAX_INFLATED {
            return Err(FileError::InflatesTooMuch);
        }
        if inflated > SMALL && inflated / packed > MAX_RATIO {
            return Err(FileError::InflatesTooFast);
        }
    }
}

impl Contents {
    fn note(&mut self, name: &str) -> Result<(), FileError> {
        let is_outside = name.starts_with(['/', '\\'])
            || name.contains(['\0', ':'])
            || name.split(['/', '\\']).any(|part| part == "..");
        if is_outside {
            return Err(FileError::EntryName);
        }
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "xl/workbook.xml" => self.format = Some(Format::Xlsx),
            "xl/workbook.bin" => self.format = Some(Format::Xlsb),
            "mimetype" | "content.xml" => self.format = Some(Format::OpenDocument),
            _ => {}
        }
        self.has_macros |= name.contains("vbaproject") || name.starts_with("xl/macrosheets/");
        Ok(())
    }

    const fn judge(&self) -> Result<(), FileError> {
        if self.has_macros {
            return Err(FileError::Macros);
        }
        match self.format {
            Some(Format::Xlsx) => Ok(()),
            Some(Format::Xlsb) => Err(FileError::BinaryExcel),
            Some(Format::OpenDocument) => Err(FileError::OpenDocument),
            None => Err(FileError::Unknown),
        }
    }
}
