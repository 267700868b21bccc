//! Consents for other provinces' code systems.

use lutong_kernel::{Fault, FaultCode, Violation};

/// The caller has no such consent.
pub fn partner_consent_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PARTNER_CONSENT_NOT_FOUND",
        "没有该项授权",
        "there is no such consent of yours",
    )
}

/// A use that is none of the list.
pub fn consent_use_unknown(field: String) -> Violation {
    Violation::new(
        field,
        "CONSENT_USE_UNKNOWN",
        "授权用途不在清单内",
        "is no use of the list",
    )
}

/// A text that names no partner.
pub fn partner_shape() -> Violation {
    Violation::new(
        "partner",
        "PARTNER_SHAPE",
        "应为两位省级代码（GB/T 2260），国家平台为 00",
        "is two digits of GB/T 2260, or 00 for the national platform",
    )
}
