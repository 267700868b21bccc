//! Imports in several calls: which rows of a piece are new, and where the import then stands.

use lutong_kernel::Timestamp;
use uuid::Uuid;

/// Rows of an import of which all or none are stored.
pub const MAX_TOGETHER: i64 = 1_000;

/// What a bad row does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    GoodRows,
    AllOrNothing,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Finished,
    Refused,
}

impl Mode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoodRows => "good_rows",
            Self::AllOrNothing => "all_or_nothing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::GoodRows, Self::AllOrNothing]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Finished => "finished",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Finished, Self::Refused]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What became of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
    /// Subjects about whom was decided anew.
    pub redecided: i64,
    /// The operation of risk-rules that brings into force what was not when it was answered; `None` where everything was.
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

/// An import as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactImport {
    pub id: Uuid,
    /// The feed that it is.
    pub source: String,
    pub mode: Mode,
    pub state: State,
    /// From 1.
    pub next_row: i64,
    pub tally: Tally,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Why a piece cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRows {
    Ended,
    /// Rows before these have not come.
    Missing,
    /// More than can be stored together.
    TooMany,
}

impl FactImport {
    /// How many rows at the beginning of a piece it has had already; all of them where nothing is new.
    pub fn had(&self, first_row: i64, count: i64) -> Result<i64, NoRows> {
        if self.state != State::Open {
            return Err(NoRows::Ended);
        }
        let had = self.next_row - first_row;
        if had < 0 {
            return Err(NoRows::Missing);
        }
        let new = (count - had).max(0);
        if self.mode == Mode::AllOrNothing && self.next_row - 1 + new > MAX_TOGETHER {
            return Err(NoRows::TooMany);
        }
        Ok(had.min(count))
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
            (12, 1, Err(NoRows::Missing)),
        ] {
            assert_eq!(open.had(first_row, count), had, "{first_row} {count}");
        }
        let ended = import(Mode::GoodRows, State::Finished, 11);
        assert_eq!(ended.had(1, 5), Err(NoRows::Ended));
    }

    #[test]
    fn a_thousand_rows_are_stored_together_and_no_more() {
        let open = import(Mode::AllOrNothing, State::Open, 1_000);
        assert_eq!(open.had(1_000, 1), Ok(0));
        assert_eq!(open.had(1_000, 2), Err(NoRows::TooMany));
        assert_eq!(open.had(999, 2), Ok(1));
    }
}
