//! Cases.

use lutong_kernel::{Fault, FaultCode, Timestamp};

/// No case that the caller reaches has this number.
pub fn case_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CASE_NOT_FOUND",
        "未找到该工单，或不属于本账号的办理范围",
        "there is no such case within your reach",
    )
}

/// The filer replies to a case that waits for somebody else.
pub fn not_asked() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_ASKED",
        "该事项当前不需要您补充说明",
        "nobody has asked you anything: it waits for somebody else",
    )
}

/// A case is returned too late.
pub fn return_too_late(until: Timestamp) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "RETURN_TOO_LATE",
        "已超过退单期限，须由本单位办理",
        "it could be returned within two working days of being given; now it must be answered",
    )
    .with("until", until.to_rfc3339())
}

/// A case cannot be extended, or not by so much.
pub fn extension_refused(left: u32) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "EXTENSION_REFUSED",
        format!("不能按此天数延期，剩余可延期{left}个工作日"),
        format!("it cannot be extended by so much: {left} working days are left"),
    )
    .with("left", left.to_string())
}

/// Two cases cannot be merged.
pub fn merge_refused() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "MERGE_REFUSED",
        "两个工单不能合并：事项类别或申诉人不同，或对方工单已办结、已合并",
        "they cannot be merged: another kind or person, or the other is merged or closed",
    )
}

/// The hotline's order is there, with the same content.
pub fn hotline_number_known() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "HOTLINE_NUMBER_KNOWN",
        "该热线工单编号已录入，内容相同",
        "an order with this number and this content is there already",
    )
}

/// Another order has the number.
pub fn hotline_number_conflict() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "HOTLINE_NUMBER_CONFLICT",
        "该热线工单编号已录入，但内容不同，请核对编号",
        "an order with this number and another content is there: check the number",
    )
}

/// There is no such report within the caller's reach.
pub fn door_report_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DOOR_REPORT_NOT_FOUND",
        "未找到该条卡口上报，或不在本账号的辖区内",
        "there is no such door report in your division",
    )
}

/// No officer has acknowledged a report.
pub fn door_report_open() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DOOR_REPORT_OPEN",
        "该条卡口上报尚未接单，请先接单再跟进",
        "no officer has acknowledged this door report: acknowledge it first",
    )
}

/// A report is followed up already.
pub fn door_report_followed(number: &str) -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "DOOR_REPORT_FOLLOWED",
        "该条卡口上报已有跟进工单",
        "there is a case that follows this door report up",
    )
    .with("case", format!("cases/{number}"))
}

/// A case was reopened as often as its kind may be.
pub fn reopened_too_often(most: u32) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "REOPENED_TOO_OFTEN",
        format!("该事项最多可重新办理{most}次，已用完"),
        format!("it was reopened {most} times, which is as often as it may be"),
    )
    .with("most", most.to_string())
}
