//! What is wrong with a rule set, all of it at once, with a place and a stable reason each: what makes it unreadable, and
//! what can be read and cannot be meant.

mod cover;
mod entries;
mod whole;

#[cfg(test)]
mod tests;

use super::file::{self, File};
use super::{RuleSet, RuleSetError, compile};

/// Whether a finding keeps a rule set from being announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable, `UPPER_SNAKE`.
    pub reason: &'static str,
    pub severity: Severity,
    /// The rule's id; absent: the rule set as a whole.
    pub rule: Option<String>,
    /// `rule[3].window.anchor`, or `line 3, column 5` of a document that cannot be read.
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

/// What came of a document.
#[derive(Debug)]
pub struct Linted {
    /// By place.
    pub findings: Vec<Finding>,
    /// Absent while there is an error.
    pub set: Option<RuleSet>,
}

pub fn lint(text: &str) -> Linted {
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
    Linted { findings, set }
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
            // What has a finding of its own is not said twice.
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
