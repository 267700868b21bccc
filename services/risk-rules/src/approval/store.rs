//! Columns that the tables of resources with two officers share.

use lutong_kernel::{DivisionCode, Timestamp};
use sea_orm::{ColumnTrait, Condition};

use super::domain::Signature;

/// A signature from its two columns, which are present together.
pub fn signature(by: Option<String>, at: Option<i64>) -> Option<Signature> {
    Some(Signature {
        officer: by?,
        at: Timestamp::from_micros(at?),
    })
}

/// Selects rows whose division is `division` or lies inside it.
pub fn in_division(column: impl ColumnTrait, division: DivisionCode) -> Condition {
    let ranges = division.numbers().into_iter();
    ranges.fold(Condition::any(), |any, range| {
        any.add(column.between(i64::from(*range.start()), i64::from(*range.end())))
    })
}
