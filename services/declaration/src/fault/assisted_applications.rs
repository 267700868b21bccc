//! Faults of applications that counter staff enter.

use lutong_kernel::{Fault, FaultCode, Violation};

/// None has this name, or it was entered for somebody of another division.
pub fn assisted_application_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ASSISTED_APPLICATION_NOT_FOUND",
        "本辖区没有该代办申请",
        "there is no such assisted application of your division",
    )
}

/// The home lies outside the division of the staff.
pub fn home_outside_division() -> Violation {
    Violation::new(
        "person.home_address.division",
        "HOME_OUTSIDE_DIVISION",
        "住址不在本辖区内，请到住址所在地的服务窗口办理",
        "lies outside the division of the counter",
    )
}

/// A one-time code, which nobody asks for at a counter.
pub fn mobile_proof_unexpected() -> Violation {
    Violation::new(
        "mobile_proof",
        "MOBILE_PROOF_UNEXPECTED",
        "窗口办理无需手机验证码",
        "is not asked for at a counter: the document is the proof",
    )
}
