//! Decisions, their history, and the runs over everyone.

use lutong_kernel::time::TimeError;
use lutong_kernel::{Fault, FaultCode, Violation};

/// Nothing has been decided about the person, or there is no decision of this version.
pub fn decision_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECISION_NOT_FOUND",
        "尚无赋码决定：请先申请或申报",
        "there is no decision yet: apply or declare an arrival first",
    )
}

/// The content of the decision was erased.
pub fn decision_erased() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DECISION_ERASED",
        "该决定的内容已依法删除",
        "the content of this decision was erased by law",
    )
}

/// The name is not `subjects/{subject_id}/decisions/{version}`.
pub fn decision_name_shape() -> Violation {
    Violation::new(
        "name",
        "NAME_SHAPE",
        "应为subjects/编号/decisions/版本",
        "is `subjects/{subject_id}/decisions/{version}`",
    )
}

/// The day of a proof is not a date.
pub fn decision_date_shape(error: &TimeError) -> Violation {
    Violation::new("decision_date", "DATE_SHAPE", "应为YYYY-MM-DD", error.to_string())
}

/// The day of a proof has not been sealed.
pub fn day_not_sealed() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DAY_NOT_SEALED",
        "该日尚未封存：当日结束十分钟后封存",
        "the day is not sealed: it is ten minutes after its end",
    )
}

/// No verification of the history has this name.
pub fn history_verification_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "HISTORY_VERIFICATION_NOT_FOUND",
        "没有该次历史核验",
        "there is no such check of history",
    )
}

/// No run over everyone has this name.
pub fn recomparison_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "RECOMPARISON_NOT_FOUND",
        "没有该次全量比对",
        "there is no such run over everyone",
    )
}
