//! Many values as one PostgreSQL parameter: one array per column.

use sea_orm::Value;
use sea_orm::sea_query::ArrayType;

use super::cell::{Cell, Kind};

/// Columns of rows, as arrays of equal length.
#[derive(Debug, Default)]
pub struct Arrays {
    /// The SQL of each array, with its parameter.
    given: Vec<String>,
    values: Vec<Value>,
}

impl Arrays {
    /// Adds a column and returns the expression to select for it. The driver cannot bind NULLs in an array, so a column
    /// with some NULLs gets a second array that marks them.
    pub fn column<'a>(&mut self, kind: Kind, cells: impl Iterator<Item = Cell<'a>>) -> String {
        let (mut values, mut nulls) = (Vec::new(), Vec::new());
        for cell in cells {
            let is_null = cell.is_null();
            nulls.push(is_null);
            values.push(if is_null { empty(kind) } else { Value::from(cell) });
        }
        let (name, array) = of(kind);
        if !nulls.contains(&true) {
            return self.push(name, array, values);
        }
        if !nulls.contains(&false) {
            return format!("NULL::{name}");
        }
        let value = self.push(name, array, values);
        let nulls = nulls.into_iter().map(Value::from).collect();
        let null = self.push("boolean", ArrayType::Bool, nulls);
        format!("CASE WHEN {null} THEN NULL ELSE {value} END")
    }

    fn push(&mut self, name: &str, array: ArrayType, values: Vec<Value>) -> String {
        self.values.push(Value::Array(array, Some(Box::new(values))));
        let number = self.values.len();
        self.given.push(format!("${number}::{name}[]"));
        format!("given.v{number}")
    }

    /// The FROM clause and its parameters.
    pub fn finish(self) -> (String, Vec<Value>) {
        let names: Vec<_> = (1..=self.given.len())
            .map(|number| format!("v{number}"))
            .collect();
        let given = format!(
            "unnest({}) AS given ({})",
            self.given.join(", "),
            names.join(", ")
        );
        (given, self.values)
    }
}

const fn of(kind: Kind) -> (&'static str, ArrayType) {
    match kind {
        Kind::Bytes => ("bytea", ArrayType::Bytes),
        Kind::Text => ("text", ArrayType::String),
        Kind::Number => ("bigint", ArrayType::BigInt),
    }
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Bytes => Value::from(Vec::<u8>::new()),
        Kind::Text => Value::from(""),
        Kind::Number => Value::from(0_i64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_an_array_with_a_second_one_only_where_some_are_null() {
        let mut arrays = Arrays::default();
        let numbers = |given: [Option<i64>; 2]| given.map(Cell::Number).into_iter();
        assert_eq!(
            arrays.column(Kind::Number, numbers([Some(1), Some(2)])),
            "given.v1"
        );
        assert_eq!(arrays.column(Kind::Number, numbers([None, None])), "NULL::bigint");
        assert_eq!(
            arrays.column(Kind::Number, numbers([None, Some(3)])),
            "CASE WHEN given.v3 THEN NULL ELSE given.v2 END"
        );
        let (given, values) = arrays.finish();
        assert_eq!(
            given,
            "unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS given (v1, v2, v3)"
        );
        let array = |kind, values| Value::Array(kind, Some(Box::new(values)));
        let expected = [
            array(ArrayType::BigInt, vec![1_i64.into(), 2_i64.into()]),
            array(ArrayType::BigInt, vec![0_i64.into(), 3_i64.into()]),
            array(ArrayType::Bool, vec![true.into(), false.into()]),
        ];
        assert_eq!(values, expected);
    }
}
