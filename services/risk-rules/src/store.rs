//! Risk-rules' tables. Queries in domain words; rows never leave this module.

pub mod areas;
pub mod basis;
pub mod day_seals;
pub mod decisions;
pub mod designations;
pub mod history_verifications;
pub mod key_areas;
pub mod merges;
mod migrations;
pub mod operation_subjects;
pub mod recomparisons;
pub mod rollbacks;
pub mod rosters;
pub mod rule_changes;
pub mod rule_sets;
pub mod scan;
pub mod statements;
pub mod stay_places;
pub mod subjects;
mod tables;
pub mod unplaced;

pub use migrations::Migrations;

use lutong_kernel::{DivisionCode, Timestamp};
use sea_orm::{ColumnTrait, Condition};

use crate::domain::approval::Signature;

/// Who and when, of two columns that are there together.
fn signature(by: Option<String>, at: Option<i64>) -> Option<Signature> {
    Some(Signature {
        officer: by?,
        at: Timestamp::from_micros(at?),
    })
}

/// Rows whose division is `place` or lies inside it.
fn inside(column: impl ColumnTrait, place: DivisionCode) -> Condition {
    let ranges = place.numbers().into_iter();
    ranges.fold(Condition::any(), |any, range| {
        any.add(column.between(i64::from(*range.start()), i64::from(*range.end())))
    })
}
