//! Every reason that this service answers, with its code, its two texts and its fields. Reasons of the kernel and the chassis are
//! not repeated.

pub mod bindings;
pub mod counters;
pub mod health_cards;
pub mod lookups;
mod partner_consents;
pub mod person_changes;

use std::time::Duration;

use lutong_kernel::country::CountryError;
use lutong_kernel::division::DivisionError;
use lutong_kernel::document::DocumentError;
use lutong_kernel::name::NameError;
use lutong_kernel::phone::MobileError;
use lutong_kernel::{Fault, FaultCode, Violation};

use crate::merges::domain::{MAX_SUBJECTS, MergeError};

pub use partner_consents::{consent_use_unknown, partner_consent_not_found, partner_shape};

// Accounts.

/// An operator has disabled the account that signs in.
pub fn account_disabled() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "ACCOUNT_DISABLED",
        "该账号已停用",
        "this account is disabled",
    )
}

/// A command of an operator names an account that does not exist.
pub fn account_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ACCOUNT_NOT_FOUND",
        "没有该账号",
        "there is no such account",
    )
}

/// A command of an operator adds an account that exists.
pub fn account_exists(name: &str) -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "ACCOUNT_EXISTS",
        format!("账号{name}已存在"),
        format!("there is an account {name} already"),
    )
}

/// No account may report as this feed.
pub fn feed_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "FEED_NOT_FOUND",
        "没有登记该数据源",
        "no such feed is registered",
    )
}

/// The cursor is of account changes that others have replaced.
pub fn account_changes_replaced() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "LOG_REPLACED",
        "账号变更记录已被另一份替换，请从头读取",
        "these changes took the place of those that the cursor is of: read from the beginning",
    )
}

/// An account id that a part of the mesh has.
pub fn account_id_reserved() -> Violation {
    Violation::new(
        "account_id",
        "ACCOUNT_ID_RESERVED",
        "该账号名称由系统保留",
        "this name belongs to a part of the mesh",
    )
}

/// An account id with other characters, or too long.
pub fn account_id_shape() -> Violation {
    Violation::new(
        "account_id",
        "ACCOUNT_ID_SHAPE",
        "账号应为1至100位字母、数字或-_.:@",
        "an account id has 1 to 100 of letters, digits and -_.:@",
    )
}

/// An account with an acting role and no division.
pub fn division_missing() -> Violation {
    Violation::new(
        "division",
        "DIVISION_MISSING",
        "该角色须登记辖区或全省权限",
        "a role that acts on people or areas has a division or the province-wide grant",
    )
}

// People. Fields are relative to the person.

/// The account is bound to another person.
pub fn account_bound_differently() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ACCOUNT_BOUND_DIFFERENTLY",
        "该账号已绑定其他人员；为家人代办请使用代办功能",
        "the account belongs to another person",
    )
}

/// A name that the kernel refuses, for its reason.
pub fn full_name(error: &NameError) -> Violation {
    Violation::new("full_name", error.reason(), error.zh(), error.to_string())
}

/// A mobile number that the kernel refuses, for its reason.
pub fn mobile(error: &MobileError) -> Violation {
    Violation::new("mobile", error.reason(), error.zh(), error.to_string())
}

/// A document that the kernel refuses, for its reason. Fields are relative to the document.
pub fn document(error: &DocumentError) -> Violation {
    Violation::new(error.field(), error.reason(), error.zh(), error.to_string())
}

/// A person without a document.
pub fn document_missing() -> Violation {
    missing("document", "请填写证件")
}

/// A document without a type of the list.
pub fn document_type_unknown() -> Violation {
    Violation::new(
        "type",
        "DOCUMENT_TYPE_UNKNOWN",
        "请选择证件类型",
        "a document type of the list is required",
    )
}

/// The issuing country of a document is not a country.
pub fn issuing_country_unknown(error: &CountryError) -> Violation {
    Violation::new(
        "issuing_country",
        "COUNTRY_UNKNOWN",
        "签发国家或地区应为GB/T 2659三位字母代码",
        error.to_string(),
    )
}

/// The nationality is not a country.
pub fn nationality_unknown(error: &CountryError) -> Violation {
    Violation::new(
        "nationality",
        "NATIONALITY_UNKNOWN",
        "国籍或地区应为GB/T 2659三位字母代码",
        error.to_string(),
    )
}

/// A person without a home address.
pub fn home_address_missing() -> Violation {
    missing("home_address", "请填写家庭住址")
}

/// A home address that says its division only.
pub fn home_detail_missing() -> Violation {
    missing("home_address.detail", "请填写详细住址")
}

/// A home address that is too long.
pub fn home_detail_shape() -> Violation {
    Violation::new(
        "home_address.detail",
        "ADDRESS_SHAPE",
        "详细住址最多200个字符",
        "a home address has at most 200 characters",
    )
}

/// The division of a home address is not a division code.
pub fn home_division_shape(error: &DivisionError) -> Violation {
    Violation::new(
        "home_address.division",
        "DIVISION_SHAPE",
        "行政区划代码应为6位（街道为9位）数字",
        error.to_string(),
    )
}

fn missing(field: &str, zh: &str) -> Violation {
    Violation::new(field, "MISSING", zh, "is required")
}

// Merges.

/// Two subjects cannot be merged.
pub fn merge_refused(error: MergeError) -> Fault {
    let en = error.to_string();
    match error {
        MergeError::OnePerson => already_merged("两个编号已属同一人", en),
        MergeError::MergedElsewhere => already_merged("该编号已并入他人，请先撤销", en),
        MergeError::TooMany => Fault::new(
            FaultCode::FailedPrecondition,
            "TOO_MANY_SUBJECTS",
            format!("一人最多{MAX_SUBJECTS}个编号"),
            en,
        ),
    }
}

fn already_merged(zh: &str, en: String) -> Fault {
    Fault::new(FaultCode::FailedPrecondition, "ALREADY_MERGED", zh, en)
}

/// A merge is undone a second time.
pub fn merge_undone() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "MERGE_UNDONE",
        "该合并已撤销",
        "this merge was undone already",
    )
}

/// No merge has this name, or none in the officer's jurisdiction.
pub fn merge_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "MERGE_NOT_FOUND",
        "没有该合并记录",
        "there is no such merge of people in your division",
    )
}

/// Neither of the two subjects lives in the officer's jurisdiction.
pub fn outside_division() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "该人员不在本辖区居住",
        "neither of the two is known to live in your division",
    )
}

/// A field of a merge refers to nobody.
pub fn subject_not_found(field: &str) -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "SUBJECT_NOT_FOUND",
        format!("没有该人员（{field}）"),
        format!("{field}: nobody is known by it"),
    )
}

// Registrations.

/// The account's channel verifies nobody, and no one-time code was shown.
pub fn mobile_proof_missing() -> Violation {
    Violation::new(
        "mobile_proof",
        "MISSING",
        "请先获取并填写手机验证码",
        "ask for a one-time code to the mobile, and show it",
    )
}

/// The authority says that name, document and mobile do not belong together.
pub fn real_name_mismatch() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "REAL_NAME_MISMATCH",
        "姓名、证件号码与手机号码未通过实名核验，请核对后重试；手机号码须为本人实名登记",
        "name, document and mobile do not belong together, as the authority says: check them; the mobile is registered in your own name",
    )
}

// One-time codes.

/// This number or this account had as many codes as it may have for now.
pub fn too_many_codes(wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_CODES",
        "验证码发送过于频繁，请稍后重试",
        "too many codes in a short time; wait a moment",
    )
    .retry_after(wait)
}

/// The gateway of messages did not take the message.
pub fn message_not_sent() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "MESSAGE_NOT_SENT",
        "短信暂时无法发送，请稍后重试",
        "the message could not be sent; try again",
    )
    .retry_after(Duration::from_secs(10))
}

/// The digits are not those that were sent.
pub fn code_wrong(tries_left: i64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ONE_TIME_CODE_WRONG",
        format!("验证码错误，还可输入{tries_left}次"),
        format!("the code is wrong; {tries_left} more tries"),
    )
    .with("tries_left", tries_left.to_string())
}

/// The code is unknown, expired or used up, or was sent to another number or for another account.
pub fn code_void() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "ONE_TIME_CODE_VOID",
        "验证码已失效，请重新获取",
        "the code is not valid, or no more: ask for another one",
    )
}

/// The name of a code is none.
pub fn code_name_shape() -> Violation {
    Violation::new(
        "one_time_code",
        "NAME_SHAPE",
        "名称应为one-time-codes/编号",
        "a name is one-time-codes/ and a UUID",
    )
}

/// What was typed is no code.
pub fn code_shape() -> Violation {
    Violation::new(
        "code",
        "ONE_TIME_CODE_SHAPE",
        "验证码应为6位数字",
        "a code has six digits",
    )
}
