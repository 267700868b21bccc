//! Pages that go on behind a row, in the order of two columns.

use sea_orm::{ColumnTrait, Condition, Value};

/// Rows behind one whose `first` column and, among equals, whose `second` has these values, both ascending. The bound of the first alone lets an
/// index be entered there.
pub fn behind<C: ColumnTrait>((first, at): (C, i64), (second, key): (C, impl Into<Value>)) -> Condition {
    let among_equals = Condition::all().add(first.eq(at)).add(second.gt(key));
    Condition::all()
        .add(first.gte(at))
        .add(Condition::any().add(first.gt(at)).add(among_equals))
}
