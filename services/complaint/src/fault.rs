//! Every reason that this service answers, with its code, its two texts and its fields. Reasons of the kernel and the chassis are
//! not repeated.

pub mod accountability_cases;
pub mod appeals;
pub mod attachments;
pub mod cases;
pub mod places;
pub mod public_numbers;
pub mod recognition_refusals;

use lutong_kernel::phone::MobileError;
use lutong_kernel::{Fault, FaultCode, Violation};

use crate::domain::tracking::TrackingError;

/// No complaint of the account has this number.
pub fn complaint_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "COMPLAINT_NOT_FOUND",
        "未找到本账号的该条投诉或反馈",
        "there is no such complaint of this account",
    )
}

/// The second person who signs something is the first.
pub fn own_proposal() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "OWN_PROPOSAL",
        "须由另一名负责人批准公布",
        "whoever proposed it does not publish it: a second supervisor does",
    )
}

/// A name is not the collection and a tracking number, or the number is mistyped.
pub fn tracking_number(field: &str, collection: &str, error: TrackingError) -> Violation {
    let zh = match error {
        TrackingError::Shape => format!("名称应为{collection}受理编号，例如{collection}SD20221126-7K3M9QX2"),
        TrackingError::Check => "受理编号有误，请核对是否输错字符".to_owned(),
    };
    Violation::new(field, "TRACKING_NUMBER", zh, error.to_string())
}

/// A decision is not named as the contract does.
pub fn decision_shape() -> Violation {
    Violation::new(
        "appeal.decision",
        "DECISION_SHAPE",
        "应为decisions/版本号，例如decisions/3",
        "is decisions/ and the version, for example decisions/3",
    )
}

/// A complaint is to be handled outside the province.
pub fn division_outside_shandong() -> Violation {
    Violation::new(
        "division",
        "DIVISION_OUTSIDE_SHANDONG",
        "应为山东省内的行政区划",
        "is a division of Shandong",
    )
}

/// An order is to be handled outside the agent's division.
pub fn division_outside() -> Violation {
    Violation::new(
        "division",
        "OUTSIDE_DIVISION",
        "不在本账号的辖区内",
        "lies outside your division",
    )
}

/// A caller has not called yet.
pub fn call_ahead() -> Violation {
    Violation::new("call_time", "CALL_AHEAD", "不能晚于现在", "lies in the future")
}

/// Another order has the hotline's number.
pub fn hotline_number_taken() -> Violation {
    Violation::new(
        "hotline_number",
        "HOTLINE_NUMBER_CONFLICT",
        "该热线工单编号已录入，但内容不同，请核对编号",
        "an order with this number and another content is there: check the number",
    )
}

/// A division of Shandong whose code was never issued.
pub fn division_unknown() -> Violation {
    Violation::new(
        "division",
        "DIVISION_UNKNOWN",
        "没有该区划代码",
        "there is no division of this code",
    )
}

/// The mobile number of a caller is not one.
pub fn caller_mobile(error: &MobileError) -> Violation {
    Violation::new("caller.mobile", error.reason(), error.zh(), error.to_string())
}

/// A hotline agent enters a case without the hotline's own number.
pub fn hotline_number_missing() -> Violation {
    Violation::new(
        "hotline_number",
        "MISSING",
        "热线工单须填写工单编号",
        "is required of a hotline agent",
    )
}

/// A case that is entered at a counter has a hotline's number.
pub fn hotline_number_unexpected() -> Violation {
    Violation::new(
        "hotline_number",
        "HOTLINE_NUMBER_UNEXPECTED",
        "服务窗口受理的事项不填写热线工单编号",
        "belongs to the hotline: leave it empty at a counter",
    )
}
