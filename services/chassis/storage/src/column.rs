//! How values that every service stores lie in a column.

use lutong_kernel::{DivisionCode, SubjectId};
use uuid::Uuid;

use super::StorageError;

/// An id as its sixteen bytes.
pub fn uuid_bytes(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// The id in a column; `column` is named when it is none.
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

/// The division whose number is in a column.
pub fn read_division(number: i64, column: &str) -> Result<DivisionCode, StorageError> {
    let code = u32::try_from(number).ok().map(DivisionCode::from_number);
    code.and_then(Result::ok)
        .ok_or_else(|| StorageError::Damaged(format!("{column} is not a division")))
}
