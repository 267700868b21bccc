//! Rule sets: their documents, their cases and their steps.

use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_risk_engine::case_file::{CaseFileError, CaseOutcome};
use lutong_risk_engine::rule_set::lint::Finding;

use super::{not_your_proposal, own_proposal};

// Documents.

/// The document of a rule set has errors.
pub fn rule_set_refused(violations: Vec<Violation>) -> Fault {
    let fault = Fault::new(
        FaultCode::InvalidArgument,
        "RULE_SET_REFUSED",
        "规则集有错误，未公布",
        "the rule set has errors; nothing was announced",
    );
    violations.into_iter().fold(fault, Fault::violation)
}

/// An error that the engine found in a document, for its reason.
pub fn document_error(one: &Finding) -> Violation {
    Violation::new(format!("document.{}", one.path), one.reason, &one.zh, &one.en)
}

/// A rule set would be effective before it is announced.
pub fn not_ahead() -> Violation {
    Violation::new(
        "document.effective_from",
        "NOT_AHEAD",
        "规则集须提前公布，生效时间应在将来",
        "a rule set is announced ahead: its effective_from lies in the future",
    )
}

// Cases.

/// The cases of a rule set do not prove it.
pub fn cases_failed(violations: Vec<Violation>) -> Fault {
    let fault = Fault::new(
        FaultCode::InvalidArgument,
        "CASES_FAILED",
        "判定案例未全部通过，未公布",
        "not every decision case passes; nothing was announced",
    );
    violations.into_iter().fold(fault, Fault::violation)
}

/// The case file is too large.
pub fn cases_too_large() -> Violation {
    Violation::new(
        "cases",
        "TOO_LARGE",
        "案例文件最多256 KiB",
        "a case file has at most 256 KiB",
    )
}

/// The case file has no case.
pub fn cases_missing() -> Violation {
    Violation::new(
        "cases",
        "CASES_MISSING",
        "至少需要一个判定案例",
        "a rule set is proven by at least one case",
    )
}

/// The case file cannot be read.
pub fn cases_unreadable(error: &CaseFileError) -> Violation {
    let en = error.to_string();
    let field = match error {
        CaseFileError::File { field, .. } if field == "." => "cases".to_owned(),
        CaseFileError::File { field, .. } => format!("cases.{field}"),
        CaseFileError::Case { case, field, .. } => format!("cases[{case:?}].{field}"),
    };
    Violation::new(field, "CASES_UNREADABLE", format!("案例文件无法读取：{en}"), en)
}

/// A case decides differently from what it expects.
pub fn case_failed(one: &CaseOutcome) -> Violation {
    let en = one.failures.join("; ");
    Violation::new(
        format!("cases[{:?}]", one.name),
        "CASE_FAILED",
        format!("案例未通过：{en}"),
        en,
    )
}

// Versions and their steps.

/// No version has this name.
pub fn rule_set_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "RULE_SET_NOT_FOUND",
        "没有该规则集版本",
        "there is no such version of a rule set",
    )
}

/// The version was announced before.
pub fn rule_set_exists() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "RULE_SET_EXISTS",
        "该规则集版本已公布，请使用新的版本号",
        "this version of the rule set is there already; use a new version",
    )
}

/// The author of a version approves, rejects or resumes it.
pub fn announced_by_caller() -> Fault {
    own_proposal(
        "须由作者以外的人员批准或驳回",
        "whoever announced it neither approves nor rejects it: they may withdraw it",
    )
}

/// An account withdraws the version of another author.
pub fn announced_by_another() -> Fault {
    not_your_proposal(
        "只能由作者撤回",
        "another account announced it: it can be rejected",
    )
}

/// A version is approved before its preview is finished.
pub fn preview_missing() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PREVIEW_MISSING",
        "批准前须先完成该版本的影响预览",
        "a preview of this version is to be finished before it is approved",
    )
}

/// A version is approved after its effective time.
pub fn effective_time_passed() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "EFFECTIVE_TIME_PASSED",
        "生效时间已过，请公布新版本",
        "its effective time has passed: announce another version",
    )
}

/// A version is resumed after another one has become active.
pub fn rule_set_overtaken() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "RULE_SET_OVERTAKEN",
        "其后已有其他版本生效，请驳回并公布新版本",
        "another version has become active since its instant: reject it, and announce a new one",
    )
}
