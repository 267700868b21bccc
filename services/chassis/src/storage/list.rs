//! Many values as one parameter of PostgreSQL: an array in its text form, cast where it is used (`$1::text::bytea[]`).

use std::fmt::Write as _;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbBackend, Value};

use super::rows::Cell;

/// Of SQLite's 32,766 parameters.
const PADDED: usize = 8_192;

/// An array that grows.
#[derive(Debug, Default)]
pub struct List(String);

impl List {
    pub fn push(&mut self, cell: Cell<'_>) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        match cell {
            Cell::Id(Some(id)) => self.bytes(id.as_bytes()),
            Cell::Bytes(Some(bytes)) => self.bytes(bytes),
            Cell::Text(Some(text)) => self.text(text),
            Cell::Number(Some(number)) => {
                // Writing to a string does not fail.
                let _ = write!(self.0, "{number}");
            }
            Cell::Id(None) | Cell::Bytes(None) | Cell::Text(None) | Cell::Number(None) => {
                self.0.push_str("NULL");
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // An array's own escape comes before that of the hexadecimal form.
        self.0.push_str("\"\\\\x");
        self.0.reserve(bytes.len() * 2 + 1);
        for byte in bytes {
            self.0.push(char::from(DIGITS[usize::from(byte >> 4)]));
            self.0.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        self.0.push('"');
    }

    fn text(&mut self, text: &str) {
        self.0.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('"');
    }
}

impl From<List> for Value {
    fn from(List(mut list): List) -> Self {
        list.push_str(if list.is_empty() { "{}" } else { "}" });
        Self::String(Some(list))
    }
}

/// `column` is one of `keys`, in a statement whose text depends little on how many they are.
pub fn one_of(column: impl ColumnTrait, backend: DbBackend, mut keys: Vec<Vec<u8>>) -> Expr {
    if backend == DbBackend::Postgres {
        let mut list = List::default();
        for key in &keys {
            list.push(Cell::Bytes(Some(key)));
        }
        let column = Expr::col((column.entity_name(), column));
        // As rows: `= ANY` would read the text of the whole list again for every row of a table that PostgreSQL has no
        // statistics of yet, and in parentheses, as an operand by itself is written, it is no SQL.
        return Expr::cust_with_exprs(
            "$1 IN (SELECT unnest($2::text::bytea[]))",
            [column, Expr::value(Value::from(list))],
        );
    }
    // The last again, up to a power of two; more than so many would be near the most that a statement may have.
    if let Some(last) = keys.last().filter(|_| keys.len() <= PADDED).cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    column.is_in(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_spelled_so_that_it_reads_back() {
        let mut list = List::default();
        list.push(Cell::Text(Some("a \"quoted\" \\ text, {braces} 中")));
        list.push(Cell::Text(None));
        list.push(Cell::Text(Some("NULL")));
        list.push(Cell::Text(Some("")));
        let Value::String(Some(text)) = Value::from(list) else {
            panic!("a text")
        };
        assert_eq!(text, r#"{"a \"quoted\" \\ text, {braces} 中",NULL,"NULL",""}"#);
        let mut list = List::default();
        list.push(Cell::Bytes(Some(&[0, 255])));
        list.push(Cell::Number(Some(-1)));
        assert_eq!(Value::from(list), Value::from(r#"{"\\x00ff",-1}"#));
        assert_eq!(Value::from(List::default()), Value::from("{}"));
    }
}
