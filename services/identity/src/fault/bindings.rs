//! Family bindings. Reasons of a field say nothing about whether anybody is registered.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, Violation};

/// Nobody is linked to the account that asks for a binding.
pub fn binder_not_registered() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "BINDER_NOT_REGISTERED",
        "请先为本人申请健康通行码，再为家人代办",
        "apply for yourself first, then bind family members",
    )
}

/// No binding has this name, or others are on both of its sides.
pub fn binding_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "BINDING_NOT_FOUND",
        "没有该代办关系",
        "there is no such binding of yours",
    )
}

/// The ward, for whom a binder applies, holds an account of their own.
pub fn ward_has_account() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "WARD_HAS_ACCOUNT",
        "对方已有本人账号，请由其本人申请",
        "the ward has an account of their own and applies with it",
    )
}

/// A minor's account consents.
pub fn ward_is_minor() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "WARD_IS_MINOR",
        "未成年人须由监护人持证件到服务窗口办理",
        "a minor cannot consent: a guardian goes to a counter with the document",
    )
}

/// The document that is shown at a counter is registered with another name than the binder stated.
pub fn ward_name_differs() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "WARD_NAME_DIFFERS",
        "姓名与该证件登记的姓名不一致，请重新申请代办",
        "the document is registered with another name: ask for the binding again with that name",
    )
}

/// The end of a binding is stored, and code-rendering does not know it yet.
pub fn unbinding_under_way() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "UNBINDING_UNDER_WAY",
        "解除代办已受理，正在生效，请稍后重试以确认",
        "the end of the binding is stored and not in force yet; send it again to learn when it is",
    )
    .retry_after(Duration::from_secs(1))
}

/// Somebody binds themself.
pub fn binding_to_oneself() -> Violation {
    Violation::new(
        "document",
        "BINDING_TO_ONESELF",
        "不能为本人办理代办",
        "is the caller's own",
    )
}

/// The ward is the binder of the caller, or the other way round.
pub fn binding_circle(field: &str) -> Violation {
    Violation::new(
        field,
        "BINDING_CIRCLE",
        "对方已是您的代办人，不能互为代办人",
        "the other one is bound in the other direction already",
    )
}

/// The caller has asked for a binding to this document, and it is not over.
pub fn already_bound() -> Violation {
    Violation::new(
        "document",
        "ALREADY_BOUND",
        "已申请或已为该人员代办",
        "is that of a binding which is active or waits already",
    )
}

/// The caller has as many bindings as there may be.
pub fn too_many_bindings(most: u64) -> Violation {
    Violation::new(
        "document",
        "TOO_MANY_BINDINGS",
        format!("最多可为{most}人代办"),
        format!("there are {most} bindings at the most, with those that wait"),
    )
}

/// The ward has as many binders as there may be.
pub fn too_many_binders(field: &str, most: u64) -> Violation {
    Violation::new(
        field,
        "TOO_MANY_BINDERS",
        format!("一人最多由{most}人代办，请先解除其中之一"),
        format!("somebody has {most} binders at the most: end one of the bindings first"),
    )
}

/// A minor's consent is shown.
pub fn guardian_needed() -> Violation {
    Violation::new(
        "mobile_consent",
        "GUARDIAN_NEEDED",
        "未成年人须以户口簿或到服务窗口证明监护关系",
        "a minor needs proof of guardianship: the household book, or a counter",
    )
}

/// Guardianship of an adult is shown.
pub fn ward_of_age() -> Violation {
    Violation::new(
        "household_book",
        "WARD_OF_AGE",
        "成年人须由本人同意",
        "an adult consents: by their account or a code to their mobile",
    )
}

/// The document that is shown at a counter is not that of the binding.
pub fn document_differs() -> Violation {
    Violation::new(
        "document",
        "DOCUMENT_DIFFERS",
        "所出示证件与申请时填写的不一致",
        "is not the document that the binder stated",
    )
}
