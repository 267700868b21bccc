//! Conversions and subscriptions.

use lutong_kernel::id::IdError;
use lutong_kernel::{Fault, FaultCode, Violation};

/// No conversion has this id.
pub fn conversion_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CONVERSION_NOT_FOUND",
        "未找到该转码记录",
        "there is no such conversion",
    )
}

/// A text is no id of a change.
pub fn change_id_shape(field: &str, error: &IdError) -> Violation {
    Violation::new(
        field.to_owned(),
        "CHANGE_ID_SHAPE",
        "变更编号格式有误",
        error.to_string(),
    )
}
