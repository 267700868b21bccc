//! Every reason that this service answers, with its code, its two texts and its fields. Reasons of the kernel and the chassis are
//! not repeated.

pub mod doors;

use std::time::Duration;

use lutong_kernel::id::IdError;
use lutong_kernel::{Fault, FaultCode, Violation};

use crate::codes::domain::Code;

/// A person without a code asks to be shown one.
pub fn code_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CODE_NOT_FOUND",
        "健康通行码尚未生成：请先申请或申报；如刚提交，请稍候片刻",
        "there is no code yet: apply or declare an arrival first; if you just did, wait a moment",
    )
}

/// The code shows no colour until risk-rules has decided again, and the answer says so.
pub fn code_refreshing() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "CODE_REFRESHING",
        "数据正在更新，暂不显示颜色，请稍候",
        "data is being refreshed and no colour is shown meanwhile; try again in a moment",
    )
    .retry_after(Duration::from_secs(1))
}

/// [`code_refreshing`] for the holder, who may know when their colour was decided last and since when it is decided anew.
pub fn own_code_refreshing(code: &Code) -> Fault {
    let refreshing = code_refreshing().with("decide_time", code.evaluated_at.to_rfc3339());
    match code.next_change_at {
        Some(due) => refreshing.with("due_time", due.to_rfc3339()),
        None => refreshing,
    }
}

/// The holder has no such paper code.
pub fn paper_code_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PAPER_CODE_NOT_FOUND",
        "没有此纸质码",
        "there is no such paper code of this person",
    )
}

/// Somebody whose paper code is to be printed has none that is valid.
pub fn paper_code_missing(field: String) -> Violation {
    Violation::new(
        field,
        "PAPER_CODE_MISSING",
        "没有有效的纸质码，请先签发",
        "has no valid paper code: issue one first",
    )
}

/// Somebody whose paper code is to be printed does not live in the division of the staff.
pub fn no_code_to_print(field: String) -> Violation {
    Violation::new(
        field,
        "CODE_NOT_FOUND",
        "本辖区内没有此人的通行码",
        "there is no code of such a person in your division",
    )
}

/// Several paper codes cannot be one picture.
pub fn format_not_pdf() -> Violation {
    Violation::new(
        "format",
        "FORMAT_NOT_PDF",
        "批量打印只支持PDF",
        "several codes are printed as PDF only",
    )
}

/// As many paper codes of the holder are valid as may be.
pub fn too_many_paper_codes(limit: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_PAPER_CODES",
        "有效的纸质码已达上限：请先作废旧码，或选择同时作废旧码",
        "as many paper codes are valid as may be: end one of them, or the earlier ones with this request",
    )
    .with("limit", limit.to_string())
}

/// The caller has no such code that is bound to a device.
pub fn device_bound_code_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DEVICE_BOUND_CODE_NOT_FOUND",
        "没有此本机码",
        "there is no such code of this person that is bound to a device",
    )
}

/// As many device-bound codes of the caller are valid as may be.
pub fn too_many_device_bound_codes(limit: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_DEVICE_BOUND_CODES",
        "有效的本机码已达上限：请先作废旧码，或选择同时作废旧码",
        "as many device-bound codes are valid as may be: end one of them, or the earlier ones with this request",
    )
    .with("limit", limit.to_string())
}

/// The holder has no such card code.
pub fn card_code_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CARD_CODE_NOT_FOUND",
        "没有此就诊卡码",
        "there is no such card code of this person",
    )
}

/// As many card codes of the holder are valid as may be.
pub fn too_many_card_codes(limit: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_CARD_CODES",
        "有效的就诊卡码已达上限：请先作废旧码，或选择同时作废旧码",
        "as many card codes are valid as may be: end one of them, or the earlier ones with this request",
    )
    .with("limit", limit.to_string())
}

/// The key of a device that is none.
pub fn device_key_shape() -> Violation {
    Violation::new(
        "device_key",
        "DEVICE_KEY_SHAPE",
        "设备公钥须为P-256未压缩点，共65字节，以04开头",
        "is an uncompressed point of P-256: 65 bytes, the first of them 04",
    )
}

/// No key in force has this name.
pub fn key_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "KEY_NOT_FOUND",
        "没有此公钥，或其已失效",
        "there is no such key, or it is in force no longer",
    )
}

/// A door without a connection would not know the key when it begins to sign.
pub fn activation_too_early() -> Violation {
    Violation::new(
        "activation",
        "ACTIVATION_TOO_EARLY",
        "新密钥须至少提前24小时公布",
        "is at least 24 hours ahead, so that every door knows the key before it signs",
    )
}

/// The revocation list of the door is longer than the one here.
pub fn sequence_ahead(last: i64) -> Violation {
    Violation::new(
        "after_sequence",
        "SEQUENCE_AHEAD",
        "序号超出现有吊销清单：该设备的清单来自其他系统，请重新设置设备",
        format!(
            "is at most {last}, the last sequence here: the list comes from elsewhere, set the door up anew"
        ),
    )
}

/// The id of a decision is not a UUID.
pub fn decision_id_shape(error: &IdError) -> Violation {
    Violation::new(
        "decision_id",
        "DECISION_ID_SHAPE",
        "决定编号应为小写UUID",
        error.to_string(),
    )
}

/// The id of a binding is not a UUID.
pub fn binding_id_shape() -> Violation {
    Violation::new(
        "binding_id",
        "UUID_SHAPE",
        "应为小写UUID",
        "is a UUID in lower-case hyphenated form",
    )
}
