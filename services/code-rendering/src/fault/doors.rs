//! Doors, their devices and their reports.

use lutong_kernel::division::DivisionError;
use lutong_kernel::{Fault, FaultCode, Timestamp, Violation};

/// No checkpoint of the caller's division has this name.
pub fn checkpoint_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CHECKPOINT_NOT_FOUND",
        "未找到该卡口，或不在本账号的辖区内",
        "there is no such checkpoint in your division",
    )
}

/// No device of a checkpoint of the caller's division has this name.
pub fn checkpoint_device_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CHECKPOINT_DEVICE_NOT_FOUND",
        "未找到该卡口设备，或不在本账号的辖区内",
        "there is no such device of a checkpoint in your division",
    )
}

/// As many devices of a checkpoint are active as may be.
pub fn too_many_devices(limit: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_DEVICES",
        "该卡口的设备已达上限，请先停用旧设备",
        "as many devices of this checkpoint are active as may be: end one of them first",
    )
    .with("limit", limit.to_string())
}

/// The account is no device of a checkpoint.
pub fn device_not_registered() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "DEVICE_NOT_REGISTERED",
        "该账号不是已登记的卡口设备，请由辖区工作人员登记",
        "this account is no registered device of a checkpoint: an officer of the district registers it",
    )
}

/// The device, or its checkpoint, was ended.
pub fn device_ended() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "DEVICE_ENDED",
        "该卡口设备已停用，请由辖区工作人员重新登记",
        "this device was ended: an officer of the district registers it anew",
    )
}

/// It is no credential of a device.
pub fn credential_invalid() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "CREDENTIAL_INVALID",
        "设备凭证无效，请由辖区工作人员重新登记设备",
        "it is no credential of a device: an officer of the district registers the device anew",
    )
}

/// A device signs nobody in: a person does.
pub fn staff_account_needed() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "STAFF_ACCOUNT_NEEDED",
        "请由卡口工作人员用本人账号登录，设备账号不能代替",
        "a member of the checkpoint's staff signs in with their own account: this one is a device's",
    )
}

/// It is no code for signing in at a device, or one no more.
pub fn sign_in_code_invalid() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "SIGN_IN_CODE_INVALID",
        "登录码无效、已过期或已使用，请在设备上重新显示",
        "it is no code for signing in, it is too old, or it was used: have the device show another one",
    )
}

/// Neither the caller's own sign-in nor one at the calling device.
pub fn staff_sign_in_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "STAFF_SIGN_IN_NOT_FOUND",
        "未找到该登录记录",
        "there is no such sign-in of you or at this device",
    )
}

/// No report of the caller's division has this name.
pub fn door_report_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DOOR_REPORT_NOT_FOUND",
        "未找到该上报，或不在本账号的辖区内",
        "there is no such report in your division",
    )
}

/// A green code is not reported.
pub fn not_reportable() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_REPORTABLE",
        "当前为绿码，无需上报，未作任何记录",
        "the code is green: it is not reported, and nothing was stored",
    )
}

/// A person has reported themself in as many counties on this day as they may.
pub fn too_many_self_reports() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_SELF_REPORTS",
        "今天已向三个县（市、区）自主报告，请等待当地工作人员联系",
        "you have reported yourself in three counties today: wait for their officers",
    )
}

/// The token was not valid when it was scanned.
pub fn token_not_valid(outcome: &'static str) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOKEN_NOT_VALID",
        "该码在扫描时无效，无法上报",
        "the token was not valid when it was scanned: it proves nobody's presence",
    )
    .with("outcome", outcome)
}

/// The cursor is of a database that this one took the place of.
pub fn log_replaced() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "LOG_REPLACED",
        "数据库已被替换，请重新列出后再继续接收",
        "this database took the place of the one that the cursor is of: list, then watch from the list's cursor",
    )
}

/// As many calls wait for a change as may.
pub fn too_many_waiting() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_WAITING",
        "等待通知的请求过多，请稍后重试，或不等待直接查询",
        "as many calls wait for changes as may: ask again later, or without waiting",
    )
    .retry_after(std::time::Duration::from_secs(5))
}

/// A filter stands beside a cursor, which a change is not filtered by.
pub fn cursor_alone(field: &'static str) -> Violation {
    Violation::new(
        field,
        "CURSOR_ALONE",
        "与游标同时使用时应为空",
        "is empty beside a cursor: only `division` may stand there",
    )
}

/// There is nothing to wait for.
pub fn cursor_missing() -> Violation {
    Violation::new(
        "cursor",
        "CURSOR_MISSING",
        "等待通知时必须填写游标",
        "says from where on to wait: take `watch_cursor` of a list",
    )
}

/// A division is none.
pub fn division_shape(error: &DivisionError) -> Violation {
    Violation::new(
        "division",
        "DIVISION_SHAPE",
        "应为行政区划代码",
        error.to_string(),
    )
}

/// A door lies in a division that has districts of its own.
pub fn division_above_county() -> Violation {
    Violation::new(
        "division",
        "DIVISION_ABOVE_COUNTY",
        "应为县（市、区）或街道（乡镇）的行政区划代码",
        "is a county or a street: a door lies in one district",
    )
}

/// A scan is said to have been made later than now.
pub fn scan_time_ahead(now: Timestamp) -> Violation {
    Violation::new(
        "scan_time",
        "SCAN_TIME_AHEAD",
        "扫描时间晚于当前时间，请核对设备时间",
        format!(
            "is not later than now, which is {}: set the device's clock",
            now.to_rfc3339()
        ),
    )
}

/// A scan was made too long ago.
pub fn scan_time_too_old(earliest: Timestamp) -> Violation {
    Violation::new(
        "scan_time",
        "SCAN_TIME_TOO_OLD",
        "扫描时间过早，已超过补报期限",
        format!("is at the earliest {}", earliest.to_rfc3339()),
    )
}

/// A device believes to be at another checkpoint than its own.
pub fn checkpoint_differs() -> Violation {
    Violation::new(
        "checkpoint",
        "CHECKPOINT_DIFFERS",
        "与设备登记的卡口不符，请重新设置设备",
        "is not the checkpoint of this device: set the device up anew",
    )
}
