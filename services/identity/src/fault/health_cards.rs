//! Health cards, the institutions and terminals that read them, their uses, and patients.

use std::time::Duration;

use lutong_kernel::division::DivisionError;
use lutong_kernel::{Fault, FaultCode, Violation};

/// This system speaks to no card platform.
pub fn cards_off() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "HEALTH_CARDS_OFF",
        "本系统未接入电子健康卡平台",
        "this system speaks to no health card platform",
    )
}

/// The person has no card, or a number is of nobody registered here.
pub fn card_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "HEALTH_CARD_NOT_FOUND",
        "没有该电子健康卡",
        "there is no such health card",
    )
}

/// The holder has reported the card as lost.
pub fn card_suspended() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "HEALTH_CARD_SUSPENDED",
        "该电子健康卡已挂失，请由本人解挂或改用证件就诊",
        "this health card was reported as lost: its holder resumes it, or shows a document",
    )
}

/// What was shown proves nothing.
pub fn code_refused(outcome: &str) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "HEALTH_CARD_CODE_REFUSED",
        "所出示的码未通过核验，请刷新后重新出示或改用证件就诊",
        "the code that was shown proves nothing: show a fresh one, or a document",
    )
    .with("outcome", outcome)
}

/// The card platform does not answer.
pub fn platform_unavailable(retry_after: Duration) -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "HEALTH_CARDS_UNAVAILABLE",
        "电子健康卡平台暂时无法核验，请稍后再试或改用证件就诊",
        "the health card platform does not answer: try again later, or show a document",
    )
    .retry_after(retry_after)
}

/// No reading of the institution that signs in, or one that is too old to refer to.
pub fn read_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "HEALTH_CARD_READ_NOT_FOUND",
        "没有该读卡记录，请重新读卡",
        "there is no such reading of a card: read the card again",
    )
}

/// No institution of the caller's division.
pub fn institution_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "MEDICAL_INSTITUTION_NOT_FOUND",
        "未找到该医疗机构，或不在本账号的辖区内",
        "there is no such institution in your division",
    )
}

/// An active institution has the code, or the account.
pub fn institution_exists() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "MEDICAL_INSTITUTION_EXISTS",
        "该机构代码或账号已登记",
        "an institution with this code or account is registered",
    )
}

/// No terminal of the institution that signs in, or of the caller's division.
pub fn terminal_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "MEDICAL_TERMINAL_NOT_FOUND",
        "未找到该终端，或不属于本机构",
        "there is no such terminal of yours",
    )
}

/// An active terminal of the institution has the code.
pub fn terminal_exists() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "MEDICAL_TERMINAL_EXISTS",
        "该机构已登记同一编号的终端",
        "a terminal of this institution has this code",
    )
}

/// The terminal may not read for this step.
pub fn step_not_allowed() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "MEDICAL_STEP_NOT_ALLOWED",
        "该终端未登记此诊疗环节",
        "this terminal is not registered for this step of care",
    )
}

/// The number is bound to another person's card.
pub fn patient_number_bound() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "PATIENT_NUMBER_BOUND",
        "该患者编号已绑定其他人的电子健康卡，请核对",
        "this patient number is bound to another person's card: check it",
    )
}

/// No binding of the caller's own card.
pub fn patient_binding_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PATIENT_BINDING_NOT_FOUND",
        "没有该就诊绑定",
        "there is no such binding of yours",
    )
}

/// A step that the table does not have.
pub fn medical_step_unknown(field: &str, lost_zero: bool) -> Violation {
    let (zh, en) = if lost_zero {
        (
            "诊疗环节代码是文本，开头的0不能省略",
            "a step is text: its first zero was lost",
        )
    } else {
        (
            "应为诊疗环节代码（6或7位数字）",
            "is a step of care, of six or seven digits",
        )
    };
    Violation::new(field, "MEDICAL_STEP_UNKNOWN", zh, en)
}

/// What was scanned is no code of a card.
pub fn code_shape() -> Violation {
    Violation::new(
        "code",
        "HEALTH_CARD_CODE_SHAPE",
        "不是健康通行码，也不是电子健康卡二维码",
        "is neither a pass code nor the QR code of a health card",
    )
}

/// A card is read for another purpose than care.
pub fn purpose_not_care() -> Violation {
    Violation::new(
        "purpose.code",
        "PURPOSE_NOT_CARE",
        "读卡只能用于诊疗",
        "a card is read for care only",
    )
}

/// A code of an institution with other characters.
pub fn institution_code_shape() -> Violation {
    Violation::new(
        "institution_code",
        "INSTITUTION_CODE_SHAPE",
        "应为数字和大写字母",
        "has digits and capital letters",
    )
}

/// The account of an institution that is none, for its reason.
pub fn institution_account(wrong: Violation) -> Violation {
    Violation {
        field: "account".to_owned(),
        ..wrong
    }
}

/// A code of a terminal with other characters.
pub fn terminal_code_shape() -> Violation {
    Violation::new(
        "terminal_code",
        "TERMINAL_CODE_SHAPE",
        "应为数字、字母和连字符",
        "has digits, letters and hyphens",
    )
}

/// A division that the kernel refuses, for its reason.
pub fn division_shape(error: &DivisionError) -> Violation {
    Violation::new(
        "division",
        "DIVISION_SHAPE",
        "应为6位行政区划代码或9位街道代码",
        error.to_string(),
    )
}

/// An institution lies in one district only.
pub fn division_above_county() -> Violation {
    Violation::new(
        "division",
        "DIVISION_ABOVE_COUNTY",
        "应为县（市、区）或街道",
        "is a county or a street: an institution lies in one district only",
    )
}

/// A report of a registration without a department.
pub fn department_missing() -> Violation {
    Violation::new(
        "department",
        "DEPARTMENT_MISSING",
        "挂号环节应填写科室",
        "a registration names its department",
    )
}

/// A report of a payment that does not say how.
pub fn payment_missing() -> Violation {
    Violation::new(
        "payment",
        "PAYMENT_MISSING",
        "收费环节应填写4位费用类型代码",
        "a payment says how it was paid, in four digits",
    )
}

/// A report that says how something was paid that is no payment.
pub fn payment_unexpected() -> Violation {
    Violation::new(
        "payment",
        "PAYMENT_UNEXPECTED",
        "只有收费环节填写费用类型",
        "belongs to a payment only",
    )
}

/// A use that has not been yet.
pub fn use_in_future() -> Violation {
    Violation::new("use_time", "TIME_IN_FUTURE", "不能晚于现在", "lies in the future")
}
