//! What is refused of lookups.

use lutong_kernel::Violation;

/// An id of a lookup that is none.
pub fn id_shape(field: String) -> Violation {
    Violation::new(
        field,
        "UUID_SHAPE",
        "应为小写UUID",
        "is a UUID in lower-case hyphenated form",
    )
}
