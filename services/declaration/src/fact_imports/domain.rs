//! Imports in several calls: which rows of a chunk are new, and the progress of the import.

use lutong_kernel::Timestamp;
use uuid::Uuid;

/// Rows of an all-or-nothing import.
pub const MAX_ALL_OR_NOTHING: i64 = 1_000;

/// The effect of a bad row on the other rows, as stored: `good_rows`, `all_or_nothing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Mode {
    GoodRows,
    AllOrNothing,
}

/// The state of an import, as stored: `open`, `finished`, `refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum State {
    Open,
    Finished,
    Refused,
}

/// Rows counted by outcome, and their effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
    /// Subjects that were decided again.
    pub redecided: i64,
    /// The operation of risk-rules that brings the rest into force; `None` when everything was in force at the answer.
    pub pending: Option<Uuid>,
}

impl Tally {
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            unchanged: self.unchanged + other.unchanged,
            refused: self.refused + other.refused,
            redecided: self.redecided + other.redecided,
            pending: match other.pending {
                None => self.pending,
                later => later,
            },
        }
    }
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactImport {
    pub id: Uuid,
    /// The source of the feed.
    pub source: String,
    pub mode: Mode,
    pub state: State,
    /// The number of the next row, from 1.
    pub next_row: i64,
    pub tally: Tally,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Why a chunk of rows is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    Ended,
    /// Rows before this chunk are missing.
    Missing,
    /// More rows than an all-or-nothing import may have.
    TooMany,
}

impl FactImport {
    /// How many rows at the beginning of a chunk were received before; all of them when no row is new.
    pub fn received(&self, first_row: i64, count: i64) -> Result<i64, AppendError> {
        if self.state != State::Open {
            return Err(AppendError::Ended);
        }
        let received = self.next_row - first_row;
        if received < 0 {
            return Err(AppendError::Missing);
        }
        let new = (count - received).max(0);
        if self.mode == Mode::AllOrNothing && self.next_row - 1 + new > MAX_ALL_OR_NOTHING {
            return Err(AppendError::TooMany);
        }
        Ok(received.min(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(mode: Mode, state: State, next_row: i64) -> FactImport {
        FactImport {
            id: Uuid::nil(),
            source: "cdc-370200".to_owned(),
            mode,
            state,
            next_row,
            tally: Tally::default(),
            created_at: Timestamp::from_micros(0),
            finished_at: None,
        }
    }

    #[test]
    fn rows_that_were_had_are_passed_over_and_a_gap_is_refused() {
        let open = import(Mode::GoodRows, State::Open, 11);
        for (first_row, count, had) in [
            (11, 5, Ok(0)),
            (6, 5, Ok(5)),
            (8, 5, Ok(3)),
            (1, 5, Ok(5)),
            (12, 1, Err(AppendError::Missing)),
        ] {
            assert_eq!(open.received(first_row, count), had, "{first_row} {count}");
        }
        let ended = import(Mode::GoodRows, State::Finished, 11);
        assert_eq!(ended.received(1, 5), Err(AppendError::Ended));
    }

    #[test]
    fn a_thousand_rows_are_stored_together_and_no_more() {
        let open = import(Mode::AllOrNothing, State::Open, 1_000);
        assert_eq!(open.received(1_000, 1), Ok(0));
        assert_eq!(open.received(1_000, 2), Err(AppendError::TooMany));
        assert_eq!(open.received(999, 2), Ok(1));
    }
}
