//! Interim relief during appeals.

use lutong_kernel::{Fault, FaultCode, Violation};

/// The contested fact is none about this person.
pub fn contested_fact_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "CONTESTED_FACT_NOT_FOUND",
        "没有关于该人员的此项记录",
        "there is no such fact about this person",
    )
}

/// The contested fact has been corrected or retracted.
pub fn fact_withdrawn() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_WITHDRAWN",
        "该记录已被更正或撤回",
        "the fact was corrected or retracted",
    )
}

/// The appeal had other relief from the same fact, or it ended otherwise.
pub fn relief_conflict() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "RELIEF_CONFLICT",
        "该申诉对此项记录已有不同的临时处置",
        "the appeal had other relief from this fact, or it ended otherwise",
    )
}

/// The relief satisfies the bounds of the contract and cannot be parsed all the same.
pub fn relief_shape(field: &str) -> Violation {
    Violation::new(field, "RELIEF_SHAPE", "格式不正确", "cannot be read")
}

/// A relief that does not end after its start.
pub fn end_before_start() -> Violation {
    super::end_before_start().within("relief")
}

/// A relief that lasts longer than any may.
pub fn relief_too_long() -> Violation {
    Violation::new(
        "relief.end_time",
        "RELIEF_TOO_LONG",
        "最长为开始后七日",
        "lies at most seven days after start_time",
    )
}
