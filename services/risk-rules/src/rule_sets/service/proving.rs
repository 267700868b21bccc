//! Proof of an announced version: its document has no errors, and its cases pass.

use std::sync::Arc;

use lutong_kernel::{Fault, Violation};
use lutong_risk_engine::case_file::CaseFile;
use lutong_risk_engine::rule_set::lint::{Severity, lint};
use lutong_risk_engine::rule_set::{MAX_DOCUMENT, RuleSet};

use crate::fault::rule_sets::{
    case_failed, cases_failed, cases_missing, cases_too_large, cases_unreadable, document_error,
    rule_set_refused,
};

/// Maximum number of violations in one answer.
const MAX_VIOLATIONS: usize = 50;

/// Checks a document and its cases, and compiles the rule set.
pub fn prove(document: &str, cases: &str) -> Result<RuleSet, Fault> {
    let set = Arc::new(parse(document)?);
    if cases.len() > MAX_DOCUMENT {
        return Err(cases_failed(vec![cases_too_large()]));
    }
    let file =
        CaseFile::parse_for(cases, &set).map_err(|error| cases_failed(vec![cases_unreadable(&error)]))?;
    if file.is_empty() {
        return Err(cases_failed(vec![cases_missing()]));
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
    let violations: Vec<_> = errors.take(MAX_VIOLATIONS).map(document_error).collect();
    let set = linted.set.filter(|_| violations.is_empty());
    set.ok_or_else(|| rule_set_refused(violations))
}

/// The cases that fail.
fn failures(file: &CaseFile<'_>) -> Vec<Violation> {
    let failed = file.run().into_iter().filter(|one| !one.failures.is_empty());
    failed.take(MAX_VIOLATIONS).map(|one| case_failed(&one)).collect()
}
