//! What a counter cannot do for a person who shows a document.

use lutong_kernel::{Fault, FaultCode, Violation};

/// No registration has this name, or the person neither lives in the officer's division nor says so.
pub fn registration_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "REGISTRATION_NOT_FOUND",
        "本辖区没有该登记",
        "there is no such registration of somebody in your division",
    )
}

/// The account stated another document or name than the one that is shown.
pub fn registration_document_differs(tries_left: i64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "REGISTRATION_DOCUMENT_DIFFERS",
        format!("所出示证件或姓名与登记的不一致，还可核对{tries_left}次"),
        format!("the account stated another document or name; {tries_left} more tries"),
    )
    .with("tries_left", tries_left.to_string())
}

/// Too many documents that differ were shown.
pub fn registration_not_confirmable() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "REGISTRATION_NOT_CONFIRMABLE",
        "该登记核对次数过多，请本人重新申请后再办理",
        "too many other documents were shown for it: apply again, then confirm that registration",
    )
}

/// The document is registered with another name than the one that is stated at the counter.
pub fn person_name_differs() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PERSON_NAME_DIFFERS",
        "姓名与该证件登记的姓名不一致，请核对证件",
        "the document is registered with another name: check it against the document",
    )
}

/// The home lies outside the division of the staff who enter the application.
pub fn home_outside_division() -> Violation {
    Violation::new(
        "home_address.division",
        "HOME_OUTSIDE_DIVISION",
        "住址不在本辖区内，请到住址所在地的服务窗口办理",
        "lies outside the division of the counter",
    )
}
