//! Reasons of a person's own data.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode, Violation};

/// Nobody is linked to the account, or the request names another person.
pub fn person_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PERSON_NOT_FOUND",
        "该账号尚未登记人员信息",
        "nobody is registered for this account by that name",
    )
}

/// The name of a person or of their document is none.
pub fn person_name_shape(noun: &str) -> Violation {
    Violation::new(
        "name",
        "NAME_SHAPE",
        format!("名称应为subjects/me/{noun}"),
        format!("a name is subjects/me/{noun}, or has the own subject id in place of me"),
    )
}

/// An update that names no field.
pub fn mask_missing() -> Violation {
    Violation::new(
        "update_mask",
        "MISSING",
        "请指明要修改的项目",
        "names the fields that change",
    )
}

/// A field that another RPC changes.
pub fn mask_path_replaced(index: usize) -> Violation {
    Violation::new(
        mask_path(index),
        "MASK_PATH_FIXED",
        "姓名和证件不能在此修改，请使用更换证件功能",
        "name and document are changed by replacing the document (ReplaceDocument)",
    )
}

/// A field that the server sets.
pub fn mask_path_fixed(index: usize) -> Violation {
    Violation::new(
        mask_path(index),
        "MASK_PATH_FIXED",
        "该项由系统设定，不能修改",
        "the server sets this field, and nobody changes it: leave it out of the mask",
    )
}

/// A path that is no field of a person.
pub fn mask_path_unknown(index: usize) -> Violation {
    Violation::new(
        mask_path(index),
        "MASK_PATH_UNKNOWN",
        "可修改的项目为mobile、nationality、home_address",
        "a mask names mobile, nationality or home_address",
    )
}

fn mask_path(index: usize) -> String {
    format!("update_mask.paths[{index}]")
}

/// The new document is of another kind than the registered one.
pub fn document_kind_differs() -> Violation {
    Violation::new(
        "document.type",
        "DOCUMENT_KIND_DIFFERS",
        "只能更换为同类证件或居民身份证；其他情况请到服务窗口办理",
        "a document is replaced by one of the same kind or by a resident ID: for others go to a counter",
    )
}

/// The document is recorded for somebody else, or its records cannot be joined to the caller's without staff.
pub fn document_needs_counter() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DOCUMENT_NEEDS_COUNTER",
        "该证件无法自助更换，请持证件到服务窗口办理",
        "this document cannot be replaced by yourself: show it at a counter",
    )
}

/// The authority does not answer, or knows nothing of such documents.
pub fn real_name_check_unavailable() -> Fault {
    Fault::new(
        FaultCode::Unavailable,
        "REAL_NAME_CHECK_UNAVAILABLE",
        "实名核验暂时无法完成，请稍后重试或到服务窗口办理",
        "the authority does not confirm the document for now: try again later, or go to a counter",
    )
    .retry_after(Duration::from_secs(30))
}
