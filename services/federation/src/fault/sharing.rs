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

/// No rollback has this id.
pub fn conversion_rollback_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CONVERSION_ROLLBACK_NOT_FOUND",
        "未找到该转码回退",
        "there is no such rollback",
    )
}

/// A span of nothing, or of what has not happened.
pub fn rollback_span() -> Violation {
    Violation::new(
        "end_time",
        "SPAN_SHAPE",
        "结束时间须晚于起始时间，且不晚于现在",
        "lies after start_time and not after now",
    )
}

/// A text that is no key id.
pub fn key_id_shape() -> Violation {
    Violation::new(
        "key_id",
        "KEY_ID_SHAPE",
        "公钥编号为16位小写十六进制",
        "is 16 lower-case hexadecimal digits",
    )
}
