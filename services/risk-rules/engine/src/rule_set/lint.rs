//! Checks a rule set and reports all findings at once, each with a path and a stable reason: errors that prevent parsing, and rules
//! that can be parsed but have no useful meaning.

mod cover;
mod entries;
mod whole;

#[cfg(test)]
mod tests;

use strum::IntoStaticStr;

use super::file::{self, File};
use super::{RuleSet, RuleSetError, compile};

/// Whether a finding prevents the announcement of a rule set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem in a rule set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable identifier in `UPPER_SNAKE` case.
    pub reason: &'static str,
    pub severity: Severity,
    /// The id of the rule; `None`: the rule set as a whole.
    pub rule: Option<String>,
    /// `rule[3].window.anchor`, or `line 3, column 5` if the document cannot be parsed.
    pub path: String,
    pub zh: String,
    pub en: String,
}

impl Finding {
    fn new(
        reason: &'static str,
        rule: Option<&str>,
        path: impl Into<String>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            severity: Severity::Error,
            rule: rule.map(str::to_owned),
            path: path.into(),
            zh: zh.into(),
            en: en.into(),
        }
    }

    fn warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }
}

/// The result of checking a document.
#[derive(Debug)]
pub struct LintReport {
    /// In the order of the document.
    pub findings: Vec<Finding>,
    /// The compiled rule set; `None` if there is an error.
    pub set: Option<RuleSet>,
}

pub fn lint(text: &str) -> LintReport {
    let mut findings = Vec::new();
    match file::read(text) {
        Ok(file) => of_file(&file, &mut findings),
        Err(error) => {
            if matches!(error, RuleSetError::Unreadable { .. }) {
                whole::localities(text, &mut findings);
            }
            findings.push(unreadable(&error));
        }
    }
    let clean = findings.iter().all(|one| one.severity != Severity::Error);
    let set = clean.then(|| RuleSet::parse(text).ok()).flatten();
    LintReport { findings, set }
}

fn of_file(file: &File, findings: &mut Vec<Finding>) {
    whole::check(file, findings);
    let mut compiled = Vec::with_capacity(file.rules.len());
    for (index, entry) in file.rules.iter().enumerate() {
        let before = findings.len();
        entries::check(index, entry, findings);
        let named = findings.len() > before;
        match compile::rule(entry.clone()) {
            Ok(rule) => compiled.push((index, rule)),
            // A more specific finding has been reported already.
            Err(_) if named => {}
            Err(reason) => findings.push(Finding::new(
                "RULE_REFUSED",
                Some(&entry.id),
                format!("rule[{index}]"),
                format!("规则有误：{reason}"),
                reason,
            )),
        }
    }
    cover::check(&compiled, findings);
    if findings.is_empty()
        && let Err(error) = compile::compile(file.clone())
    {
        let en = error.to_string();
        let zh = format!("规则集有误：{en}");
        findings.push(Finding::new("RULE_SET_REFUSED", None, "", zh, en));
    }
}

fn unreadable(error: &RuleSetError) -> Finding {
    let en = error.to_string();
    match error {
        RuleSetError::TooLarge { bytes } => {
            let zh = format!("规则集文件为{bytes}字节，最多256 KiB");
            Finding::new("RULE_SET_TOO_LARGE", None, "", zh, en)
        }
        RuleSetError::Unreadable { line, column, reason } => Finding::new(
            "RULE_SET_UNREADABLE",
            None,
            format!("line {line}, column {column}"),
            format!("第{line}行第{column}列无法读取：{reason}"),
            en,
        ),
        RuleSetError::Rule { .. } | RuleSetError::Whole(_) => {
            Finding::new("RULE_SET_REFUSED", None, "", format!("规则集有误：{en}"), en)
        }
    }
}
