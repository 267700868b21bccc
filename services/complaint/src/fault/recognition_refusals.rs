//! Reported refusals of recognition.

use lutong_kernel::{Fault, FaultCode, Violation};

/// No refusal of this name is in force, or lies in the caller's division.
pub fn recognition_refusal_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "RECOGNITION_REFUSAL_NOT_FOUND",
        "未找到该项不予互认报备，或尚未公布、已经终止、不在本辖区",
        "there is no such refusal that is in force or lies in your division",
    )
}

/// A refusal does not end after its beginning.
pub fn end_before_start() -> Violation {
    Violation::new(
        "planned_end_time",
        "END_BEFORE_START",
        "应晚于start_time",
        "does not lie after start_time",
    )
}

/// A refusal ends in the past.
pub fn end_passed() -> Violation {
    Violation::new(
        "planned_end_time",
        "END_PASSED",
        "结束时间已过",
        "lies in the past",
    )
}
