//! The national platform.

use lutong_kernel::country::CountryError;
use lutong_kernel::document::DocumentError;
use lutong_kernel::name::NameError;
use lutong_kernel::{Fault, FaultCode, Violation};

use crate::partners::domain::PartnerState;

/// No national platform is configured.
pub fn national_platform_off() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NATIONAL_PLATFORM_OFF",
        "未配置国家平台（federation.national）",
        "no national platform is configured here: federation.national",
    )
}

/// What the national platform says does not count here now.
pub fn national_platform_not_recognised(state: PartnerState) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NATIONAL_PLATFORM_NOT_RECOGNISED",
        "国家平台目前未纳入互认",
        "the national platform is not recognised here now, or not for its code",
    )
    .with("state", state.into_str())
}

/// A name that is none.
pub fn full_name(error: &NameError) -> Violation {
    Violation::new("full_name", error.reason(), error.zh(), error.to_string())
}

/// A document that cannot be one. The field is relative to the document.
pub fn document(error: &DocumentError) -> Violation {
    Violation::new(error.field(), error.reason(), error.zh(), error.to_string())
}

/// A document without a type of the list.
pub fn document_type_unknown() -> Violation {
    Violation::new(
        "document.type",
        "DOCUMENT_TYPE_UNKNOWN",
        "证件类型不在清单内",
        "is no document type of the list",
    )
}

/// A country that is none.
pub fn issuing_country_unknown(error: &CountryError) -> Violation {
    Violation::new(
        "document.issuing_country",
        "COUNTRY_UNKNOWN",
        "签发国家或地区代码不在清单内（GB/T 2659）",
        error.to_string(),
    )
}

/// A text that is no province.
pub fn province_shape(field: &'static str) -> Violation {
    Violation::new(
        field,
        "PROVINCE_SHAPE",
        "应为两位省级代码（GB/T 2260）",
        "is two digits of GB/T 2260",
    )
}
