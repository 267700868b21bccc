//! XLSX: the cells of the first sheet, one after the other.

use std::io::Cursor;

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};

use crate::cell::{Cell, CellError};
use crate::error::FileError;
use crate::table::{Table, TableBuilder};
use crate::{MAX_COLUMNS, MAX_ROWS};

/// Reads the first visible sheet of an archive that [`crate::archive::check`] has let through.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| FileError::Damaged)?;
    let sheets = workbook.sheets_metadata().iter();
    let mut visible =
        sheets.filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible);
    let name = visible.next().ok_or(FileError::Empty)?.name.clone();
    let mut reader = workbook
        .worksheet_cells_reader(&name)
        .map_err(|_| FileError::Damaged)?;
    let mut table = TableBuilder::default();
    let (mut row, mut cells) = (0, Vec::new());
    while let Some(cell) = reader.next_cell().map_err(|e| {
        dbg!(e);
        FileError::Damaged
    })? {
        let (cell_row, column) = cell.get_position();
        let value = cell_of(cell.get_value());
        if value.is_empty() {
            continue;
        }
        if cell_row as usize > MAX_ROWS {
            return Err(FileError::TooManyRows);
        }
        if column as usize >= MAX_COLUMNS {
            return Err(FileError::TooManyColumns);
        }
        if cell_row < row {
            return Err(FileError::Damaged);
        }
        if cell_row > row {
            table.push(u64::from(row) + 1, std::mem::take(&mut cells))?;
            row = cell_row;
        }
        let column = column as usize;
        if cells.len() <= column {
            cells.resize(column + 1, Cell::Text(String::new()));
        }
        cells[column] = value;
    }
    table.push(u64::from(row) + 1, cells)?;
    table.finish()
}

#[allow(clippy::cast_precision_loss)] // a number of more than 15 digits is refused
fn cell_of(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Text(String::new()),
        DataRef::String(text) => Cell::of_text(text),
        DataRef::SharedString(text) => Cell::of_text(text),
        DataRef::Int(number) => Cell::of_number(*number as f64),
        DataRef::Float(number) => Cell::of_number(*number),
        DataRef::Error(_) => Cell::Unusable(CellError::Formula),
        DataRef::Bool(_) | DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => {
            Cell::Unusable(CellError::NotText)
        }
    }
}
