//! Proof of an announced version: its document has no errors, and its cases pass.

use std::sync::Arc;

use lutong_kernel::{Fault, FaultCode, Violation};
use lutong_risk_engine::case_file::{CaseFile, CaseFileError, CaseOutcome};
use lutong_risk_engine::rule_set::lint::{Severity, lint};
use lutong_risk_engine::rule_set::{MAX_DOCUMENT, RuleSet};

/// Maximum number of violations in one answer.
const MAX_VIOLATIONS: usize = 50;

/// Checks a document and its cases, and compiles the rule set.
pub fn prove(document: &str, cases: &str) -> Result<RuleSet, Fault> {
    let set = Arc::new(parse(document)?);
    if cases.len() > MAX_DOCUMENT {
        let en = "a case file has at most 256 KiB";
        return Err(cases_failed(vec![Violation::new(
            "cases",
            "TOO_LARGE",
            "案例文件最多256 KiB",
            en,
        )]));
    }
    let file = CaseFile::parse_for(cases, &set).map_err(|error| cases_failed(vec![unreadable(&error)]))?;
    if file.is_empty() {
        let en = "a rule set is proven by at least one case";
        return Err(cases_failed(vec![Violation::new(
            "cases",
            "CASES_MISSING",
            "至少需要一个判定案例",
            en,
        )]));
    }
    let violations = failures(&file);
    if !violations.is_empty() {
        return Err(cases_failed(violations));
    }
    drop(file);
    Ok(Arc::unwrap_or_clone(set))
}

fn parse(document: &str) -> Result<RuleSet, Fault> {
    let linted = lint(document);
    let errors = linted
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let violations: Vec<_> = errors
        .take(MAX_VIOLATIONS)
        .map(|one| Violation::new(format!("document.{}", one.path), one.reason, &one.zh, &one.en))
        .collect();
    linted.set.filter(|_| violations.is_empty()).ok_or_else(|| {
        refused(
            "RULE_SET_REFUSED",
            (
                "规则集有错误，未公布",
                "the rule set has errors; nothing was announced",
            ),
            violations,
        )
    })
}

/// The cases that fail.
fn failures(file: &CaseFile<'_>) -> Vec<Violation> {
    let failed = file.run().into_iter().filter(|one| !one.failures.is_empty());
    let violation = |one: CaseOutcome| {
        let en = one.failures.join("; ");
        Violation::new(
            format!("cases[{:?}]", one.name),
            "CASE_FAILED",
            format!("案例未通过：{en}"),
            en,
        )
    };
    failed.take(MAX_VIOLATIONS).map(violation).collect()
}

fn cases_failed(violations: Vec<Violation>) -> Fault {
    refused(
        "CASES_FAILED",
        (
            "判定案例未全部通过，未公布",
            "not every decision case passes; nothing was announced",
        ),
        violations,
    )
}

fn unreadable(error: &CaseFileError) -> Violation {
    let en = error.to_string();
    let field = match error {
        CaseFileError::File { field, .. } if field == "." => "cases".to_owned(),
        CaseFileError::File { field, .. } => format!("cases.{field}"),
        CaseFileError::Case { case, field, .. } => format!("cases[{case:?}].{field}"),
    };
    Violation::new(field, "CASES_UNREADABLE", format!("案例文件无法读取：{en}"), en)
}

fn refused(reason: &'static str, (zh, en): (&str, &str), violations: Vec<Violation>) -> Fault {
    let mut fault = Fault::new(FaultCode::InvalidArgument, reason, zh, en);
    fault.violations = violations;
    fault
}
