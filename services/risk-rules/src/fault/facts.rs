//! Statements of facts. Fields are relative to the statement.

use lutong_kernel::{Fault, FaultCode, SubjectId, Violation};

/// Some statements of a batch are wrong; their violations name them.
pub fn rows_refused(violations: Vec<Violation>) -> Fault {
    let refused = violations.len();
    let fault = Fault::new(
        FaultCode::InvalidArgument,
        "ROWS_REFUSED",
        format!("{refused}条记录有误，均未保存"),
        format!("{refused} statements are wrong and nothing was stored"),
    );
    violations.into_iter().fold(fault, Fault::violation)
}

/// A person would have more than `limit` facts.
pub fn too_many_facts(subject: SubjectId, limit: usize) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_FACTS",
        format!("同一人员的有效记录不得超过{limit}条，均未保存"),
        format!("{subject} would have more than {limit} facts; nothing was stored"),
    )
}

/// A key that was used for another statement.
pub fn statement_conflict() -> Violation {
    Violation::new(
        "key",
        "STATEMENT_CONFLICT",
        "该编号已用于内容不同的记录",
        "this key was used for a statement of other content",
    )
}

/// A key that stands for different statements in one batch.
pub fn key_twice() -> Violation {
    Violation::new(
        "key",
        "KEY_TWICE",
        "同一批中该编号对应不同内容，均未保存",
        "this key stands for different contents in one batch: none of them was stored",
    )
}

// Corrections and retractions. `field` is the key of their target.

/// There is no statement under the key.
pub fn target_unknown(field: &str) -> Violation {
    Violation::new(
        field,
        "TARGET_UNKNOWN",
        "找不到所更正或撤回的记录",
        "there is no statement of this source under the key",
    )
}

/// The target is about another person.
pub fn target_of_another_subject(field: &str) -> Violation {
    Violation::new(
        field,
        "TARGET_OF_ANOTHER_SUBJECT",
        "更正或撤回须针对同一人员的记录",
        "a correction or retraction is about the same subject",
    )
}

/// The target is a retraction.
pub fn target_not_a_fact(field: &str) -> Violation {
    Violation::new(
        field,
        "TARGET_NOT_A_FACT",
        "撤回记录不能再被更正或撤回",
        "a retraction can be neither corrected nor retracted",
    )
}

/// Several corrections or retractions of one statement in one batch.
pub fn target_twice(field: &str) -> Violation {
    Violation::new(
        field,
        "TARGET_TWICE",
        "同一批中有多条更正或撤回针对同一记录，均未保存",
        "several corrections or retractions of one statement stand in one batch: none of them was stored",
    )
}

// What a feed or a person may state.

/// A feed reports as another source.
pub fn source_not_of_feed() -> Violation {
    source_not_own("the source is not the caller's own")
}

/// A feed reports as a source that is pulled.
pub fn source_is_pulled() -> Violation {
    source_not_own("what is pulled has a source of its own, which begins with its authority")
}

/// A declaration names a source other than the person or federation.
pub fn source_not_of_declarant() -> Violation {
    source_not_own("a person declares as `self`, and what federation verified")
}

fn source_not_own(en: &str) -> Violation {
    Violation::new("source", "SOURCE_NOT_OWN", "来源须为本数据源", en)
}

/// A fact of a kind that the feed may not report.
pub fn kind_not_granted(field: String) -> Violation {
    Violation::new(
        field,
        "KIND_NOT_GRANTED",
        "本数据源无权报送该类记录",
        "the feed may not report facts of this kind",
    )
}

/// A declaration about another person.
pub fn subject_not_declarant() -> Violation {
    Violation::new(
        "subject_id",
        "SUBJECT_NOT_DECLARANT",
        "只能申报本人的信息",
        "is not the person who declares",
    )
}

/// An instant of a fact lies more than five years ahead.
pub fn instant_far_future(attribute: &str) -> Violation {
    Violation::new(
        attribute,
        "INSTANT_FAR_FUTURE",
        "时间过于遥远：不得晚于五年之后",
        "lies more than five years ahead",
    )
}

/// The statement satisfies the bounds of the contract and cannot be parsed all the same.
pub fn statement_shape() -> Violation {
    Violation::new(
        "statement",
        "STATEMENT_SHAPE",
        "记录格式不正确",
        "is neither a fact nor a correction nor a retraction",
    )
}

/// A case is stored and its colour is not in force yet.
pub fn case_not_in_force(field: String) -> Violation {
    Violation::new(
        field,
        "CASE_NOT_IN_FORCE",
        "病例已记录但颜色尚未生效，未予受理：请以同一编号重新报送",
        "the case is recorded but its colour is not in force yet, so it is not acknowledged: send it again under the same key",
    )
}
