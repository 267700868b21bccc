//! Conversions and subscriptions.

use lutong_kernel::id::IdError;
use lutong_kernel::{Fault, FaultCode, Violation};

use crate::partners::domain::PartnerIdError;

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

/// A text is no partner.
pub fn partner_shape(field: &'static str, error: &PartnerIdError) -> Violation {
    Violation::new(
        field,
        "PARTNER_SHAPE",
        "互认伙伴代码须为省级行政区划代码前两位（山东除外）或 00",
        error.to_string(),
    )
}
