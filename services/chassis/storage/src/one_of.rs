//! Rows that have one of many keys.

use sea_orm::sea_query::{ArrayType, Expr};
use sea_orm::{ColumnTrait, DbBackend, Value};

/// Of SQLite's 32,766 parameters.
const PADDED: usize = 8_192;

/// `column` is one of `keys`, in a statement whose text depends little on how many they are.
pub fn one_of(column: impl ColumnTrait, backend: DbBackend, mut keys: Vec<Vec<u8>>) -> Expr {
    if backend == DbBackend::Postgres {
        let keys = keys.into_iter().map(Value::from).collect();
        let keys = Value::Array(ArrayType::Bytes, Some(Box::new(keys)));
        let column = Expr::col((column.entity_name(), column));
        // As rows: an operand by itself is written in parentheses, and with them `= ANY` is no SQL.
        return Expr::cust_with_exprs("$1 IN (SELECT unnest($2::bytea[]))", [column, Expr::value(keys)]);
    }
    // The last again, up to a power of two; more than so many would be near the most that a statement may have.
    if let Some(last) = keys.last().filter(|_| keys.len() <= PADDED).cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    column.is_in(keys)
}
