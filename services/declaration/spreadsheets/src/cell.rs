//! A cell as text, or why it is none.

use lutong_kernel::Violation;

use crate::MAX_CELL;

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The text, without outer blanks; empty for an empty cell.
    Text(String),
    /// What is in the file is no text that anybody has typed.
    Unusable(CellError),
}

/// Why a cell is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    #[error("has more than 1 KiB")]
    TooLong,
    #[error(
        "is a number of more than 15 digits, whose last digits the spreadsheet has lost: type it into a column of text"
    )]
    Rounded,
    #[error("is the error of a formula")]
    Formula,
    #[error("is a date or a truth value instead of a text")]
    NotText,
}

impl CellError {
    /// The stable code of the reason, `UPPER_SNAKE`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "CELL_TOO_LONG",
            Self::Rounded => "CELL_ROUNDED",
            Self::Formula => "CELL_FORMULA_ERROR",
            Self::NotText => "CELL_NOT_TEXT",
        }
    }

    /// The reason in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::TooLong => "单元格超过1 KiB",
            Self::Rounded => "单元格是超过15位的数字，末几位已丢失，请将该列设为文本后重新填写",
            Self::Formula => "单元格是公式错误",
            Self::NotText => "单元格是日期或逻辑值，应为文本",
        }
    }

    /// The error as a violation of `field`.
    pub fn violation(self, field: &str) -> Violation {
        Violation::new(field, self.reason(), self.zh(), self.to_string())
    }
}

impl Cell {
    pub fn of_text(text: &str) -> Self {
        let text = text.trim();
        if text.len() > MAX_CELL {
            return Self::Unusable(CellError::TooLong);
        }
        Self::Text(text.to_owned())
    }

    /// A whole number as its digits. A spreadsheet keeps 15 of them.
    #[allow(clippy::cast_possible_truncation)] // whole and below 10^15
    pub fn of_number(number: f64) -> Self {
        if number.fract() != 0.0 && number.abs() < 1e15 {
            return Self::Text(number.to_string());
        }
        if number.abs() < 1e15 {
            return Self::Text((number as i64).to_string());
        }
        Self::Unusable(CellError::Rounded)
    }

    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    pub const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Unusable(_) => 0,
        }
    }
}
