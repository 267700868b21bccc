//! Cases in which places are held to account.

use lutong_kernel::{Fault, FaultCode};

/// No case of this name is published, or lies in the caller's division.
pub fn accountability_case_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ACCOUNTABILITY_CASE_NOT_FOUND",
        "未找到该追责事项，或尚未公布结果、不在本辖区",
        "there is no such case whose outcome is published or that lies in your division",
    )
}

/// Somebody publishes an outcome who is not the owner of the case.
pub fn not_owner() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_OWNER",
        "须由该事项的承办人公布结果，请先承办",
        "its owner publishes the outcome: take it first",
    )
}
