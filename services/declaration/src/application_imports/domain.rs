//! Imports of applications: their states, which rows of a piece are new, and what a row must be before it waits.

use lutong_kernel::{DivisionCode, FreeText, Jurisdiction, TextError, TextRule, Timestamp, Violation};
use uuid::Uuid;

use crate::declarations::domain::home::is_covered;
use crate::fault;

/// Rows of an import.
pub const MAX_ROWS: i64 = 200_000;
/// Characters of a text of a row. The contract has narrower bounds for each; this one limits the work.
const MAX_TEXT: usize = 1_024;

/// The state of an import, as stored: `open`, `running`, `succeeded`, `failed`, `cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum State {
    Open,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl State {
    /// The states in which an import is finished by its creator.
    pub const FINISHABLE: &'static [Self] = &[Self::Open];
    /// The states in which an import is cancelled, or expires.
    pub const ENDABLE: &'static [Self] = &[Self::Open, Self::Running];

    /// The name in the contract, without the prefix of the enumeration.
    pub fn contract_name(self) -> String {
        self.into_str().to_ascii_uppercase()
    }
}

/// The state of a row, as stored: `waiting`, `registered`, `refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum RowState {
    Waiting,
    Registered,
    Refused,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationImport {
    pub id: Uuid,
    /// The account of the organisation.
    pub account: String,
    /// The organisation as its account named it.
    pub organisation: String,
    /// Every home lies in it.
    pub division: DivisionCode,
    pub state: State,
    /// The number of the next row, from 1.
    pub next_row: i64,
    pub registered: i64,
    pub refused: i64,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRow {
    pub row: i64,
    pub state: RowState,
    pub errors: Vec<Violation>,
}

/// Why a piece of rows is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    NotOpen,
    /// Rows before this piece are missing.
    Missing,
    TooMany,
}

impl ApplicationImport {
    /// How many rows at the beginning of a piece were received before; all of them when no row is new.
    pub fn received(&self, first_row: i64, count: i64) -> Result<i64, AppendError> {
        if self.state != State::Open {
            return Err(AppendError::NotOpen);
        }
        let received = self.next_row - first_row;
        if received < 0 {
            return Err(AppendError::Missing);
        }
        if self.next_row - 1 + (count - received).max(0) > MAX_ROWS {
            return Err(AppendError::TooMany);
        }
        Ok(received.min(count))
    }
}

/// The texts of a row that nothing invisible may hide in, with their fields.
pub fn check_texts<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Violation> {
    let wrong = |(field, text): (&str, &str)| match FreeText::parse(text, TextRule::line(MAX_TEXT)) {
        // Whether a text must be there is a bound of the contract.
        Ok(_) | Err(TextError::Empty) => None,
        Err(error) => Some(error.violation(field)),
    };
    texts.into_iter().filter_map(wrong).collect()
}

/// Checks that a home lies where the import and its account may apply for people.
pub fn check_home(division: &str, allowed: [Jurisdiction; 2]) -> Result<(), Violation> {
    const FIELD: &str = "home_address.division";
    if is_covered(division, &allowed) {
        return Ok(());
    }
    Err(fault::home_not_granted(FIELD))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(state: State, next_row: i64) -> ApplicationImport {
        ApplicationImport {
            id: Uuid::nil(),
            account: "school-1".to_owned(),
            organisation: "青岛一中".to_owned(),
            division: DivisionCode::parse("370202").unwrap(),
            state,
            next_row,
            registered: 0,
            refused: 0,
            created_at: Timestamp::from_micros(0),
            finished_at: None,
        }
    }

    #[test]
    fn rows_that_were_had_are_passed_over_and_a_gap_or_an_end_is_refused() {
        let open = import(State::Open, 11);
        for (first_row, count, had) in [
            (11, 5, Ok(0)),
            (8, 5, Ok(3)),
            (1, 5, Ok(5)),
            (12, 1, Err(AppendError::Missing)),
        ] {
            assert_eq!(open.received(first_row, count), had, "{first_row} {count}");
        }
        for state in [State::Running, State::Succeeded, State::Failed, State::Cancelled] {
            assert_eq!(import(state, 11).received(1, 5), Err(AppendError::NotOpen));
        }
        let full = import(State::Open, MAX_ROWS);
        assert_eq!(full.received(MAX_ROWS, 1), Ok(0));
        assert_eq!(full.received(MAX_ROWS, 2), Err(AppendError::TooMany));
    }

    #[test]
    fn each_kind_of_hidden_character_has_its_own_reason() {
        let texts = [
            ("full_name", "王\u{202e}小明"),
            ("mobile", "138\u{200b}00138000"),
            ("document.number", "1\u{7}"),
            ("home_address.detail", "路\u{e0041}"),
            ("nationality", ""),
        ];
        let reasons: Vec<_> = check_texts(texts)
            .into_iter()
            .map(|one| format!("{} {}", one.field, one.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                "full_name TEXT_BIDI",
                "mobile TEXT_INVISIBLE",
                "document.number TEXT_CONTROL",
                "home_address.detail TEXT_TAG"
            ]
        );
    }

    #[test]
    fn a_home_lies_in_the_division_of_the_import_and_in_that_of_the_account() {
        let of = |code: &str| Jurisdiction::of_division(DivisionCode::parse(code).unwrap());
        for (home, import, account, is_covered) in [
            ("370202", "370202", "370200", true),
            ("370202001", "370202", "370200", true),
            ("370203", "370202", "370200", false),
            ("370202", "370200", "370203", false),
            ("110101", "370000", "370000", false),
            ("nonsense", "370202", "370200", true),
        ] {
            let checked = check_home(home, [of(import), of(account)]);
            assert_eq!(checked.is_ok(), is_covered, "{home} {import} {account}");
        }
    }
}
