//! Selecting rows by a list of keys.

use sea_orm::sea_query::{ArrayType, Expr};
use sea_orm::{ColumnTrait, DbBackend, Value};

/// Lists up to this length are padded; SQLite allows 32,766 parameters.
const PADDED: usize = 8_192;

/// `column` is one of `keys`. The text of the statement hardly depends on their number, so that it stays prepared.
pub fn one_of(column: impl ColumnTrait, backend: DbBackend, mut keys: Vec<Vec<u8>>) -> Expr {
    if backend == DbBackend::Postgres {
        let keys = keys.into_iter().map(Value::from).collect();
        let keys = Value::Array(ArrayType::Bytes, Some(Box::new(keys)));
        let column = Expr::col((column.entity_name(), column));
        // The planner knows the length of a parameter, and for some thousand keys prefers to scan the table; of an array from a
        // subquery it assumes ten elements, and uses the index.
        return Expr::cust_with_exprs(
            "$1 = ANY (ARRAY(SELECT unnest($2::bytea[])))",
            [column, Expr::value(keys)],
        );
    }
    // Repeats the last key up to a power of two; longer lists would come near the parameter limit.
    if let Some(last) = keys.last().filter(|_| keys.len() <= PADDED).cloned() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    column.is_in(keys)
}
