//! Conversions between column values and types that every service stores.

use lutong_kernel::{DivisionCode, SubjectId};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use super::StorageError;

/// An id as its sixteen bytes.
pub fn uuid_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// The id in a column; the error names `column`.
pub fn read_uuid(bytes: &[u8], column: &str) -> Result<Uuid, StorageError> {
    Uuid::from_slice(bytes).map_err(|_| StorageError::Damaged(format!("{column} is not a UUID")))
}

/// A subject as its sixteen bytes.
pub fn subject_bytes(subject: SubjectId) -> Vec<u8> {
    uuid_bytes(subject.uuid())
}

/// The subject in a column.
pub fn read_subject(bytes: &[u8], column: &str) -> Result<SubjectId, StorageError> {
    read_uuid(bytes, column).map(SubjectId::from_uuid)
}

/// Selects rows whose division, by its number, is `division` or lies inside it.
pub fn in_division(column: impl ColumnTrait, division: DivisionCode) -> Condition {
    let ranges = division.number_ranges().into_iter();
    ranges.fold(Condition::any(), |any, range| {
        any.add(column.between(i64::from(*range.start()), i64::from(*range.end())))
    })
}

/// The division whose number a column holds.
pub fn read_division(number: i64, column: &str) -> Result<DivisionCode, StorageError> {
    let code = u32::try_from(number).ok().map(DivisionCode::from_number);
    code.and_then(Result::ok)
        .ok_or_else(|| StorageError::Damaged(format!("{column} is not a division")))
}
