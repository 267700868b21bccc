//! `rule-sets lint`: checks rule sets for errors.

use std::path::PathBuf;

use clap::Args;
use lutong_risk_engine::rule_set::MAX_DOCUMENT;
use lutong_risk_engine::rule_set::lint::{Finding, LintReport, Severity, lint};
use serde_json::json;

use lutong_client::Failure;
use lutong_client::output::in_language;

#[derive(Debug, Args)]
pub struct Lint {
    /// Rule sets (TOML).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// For machines.
    #[arg(long)]
    json: bool,
}

impl Lint {
    pub fn run(self) -> Result<(), Failure> {
        let mut linted = Vec::with_capacity(self.files.len());
        for path in &self.files {
            let text = super::read(path, MAX_DOCUMENT)?;
            linted.push((path.display().to_string(), lint(&text)));
        }
        if self.json {
            let all: Vec<_> = linted
                .iter()
                .flat_map(|(file, linted)| linted.findings.iter().map(move |one| machine(file, one)))
                .collect();
            say!("{}", json!({ "findings": all }));
        } else {
            for (file, linted) in &linted {
                print(file, linted);
            }
        }
        let mut findings = linted.iter().flat_map(|(_, linted)| &linted.findings);
        let unreadable = |one: &&Finding| matches!(one.reason, "RULE_SET_UNREADABLE" | "RULE_SET_TOO_LARGE");
        if let Some(one) = findings.clone().find(unreadable) {
            return Err(Failure::Input(in_language(&one.zh, &one.en).to_owned()));
        }
        if findings.any(|one| one.severity == Severity::Error) {
            return Err(Failure::Failed);
        }
        Ok(())
    }
}

fn machine(file: &str, one: &Finding) -> serde_json::Value {
    json!({"file": file, "severity": one.severity.into_str(), "reason": one.reason, "rule": one.rule, "path": one.path,
        "message_zh": one.zh, "message_en": one.en})
}

fn print(file: &str, linted: &LintReport) {
    for one in &linted.findings {
        let (severity, reason) = (one.severity.into_str(), one.reason);
        let rule = one
            .rule
            .as_ref()
            .map(|rule| format!(" {rule}"))
            .unwrap_or_default();
        say!(
            "{file}: {severity}: {reason}{rule} {}\n  {}",
            one.path,
            in_language(&one.zh, &one.en)
        );
    }
    if linted.findings.is_empty() {
        tell!("{file}：无问题", "{file}: clean");
    }
}
