//! The report as a page: one file without anything from elsewhere. Everything in it is escaped by the template: what a system answers is no page.

use askama::Template;

use super::{CaseReport, Report, StaleEntry, StaleReason, SystemVerdict};
use crate::cases::Level;
use crate::verdict::{CaseResult, Finding};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
}

impl Report {
    pub fn page(&self) -> askama::Result<String> {
        Page { report: self }.render()
    }

    fn counts(&self) -> Vec<(&'static str, usize)> {
        let all = <CaseResult as strum::VariantArray>::VARIANTS.iter();
        let counted = all.map(|result| (result.in_both(), self.count(*result)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

impl SystemVerdict {
    const fn in_both(self) -> &'static str {
        match self {
            Self::Conformant => "符合 / conformant",
            Self::KnownFailures => "除已知问题外符合 / conformant but for known failures",
            Self::NotConformant => "不符合 / not conformant",
            Self::Inconclusive => "无法判定 / inconclusive",
        }
    }
}

impl CaseResult {
    const fn in_both(self) -> &'static str {
        match self {
            Self::Error => "出错 / error",
            Self::Fail => "未通过 / fail",
            Self::UnexpectedPass => "意外通过 / unexpected pass",
            Self::ExpectedFail => "已知未通过 / expected fail",
            Self::Pass => "通过 / pass",
            Self::Skip => "未测 / skip",
        }
    }

    /// A class of the page's style.
    const fn class(self) -> &'static str {
        match self {
            Self::Error | Self::Fail | Self::UnexpectedPass => "bad",
            Self::ExpectedFail => "known",
            Self::Pass => "good",
            Self::Skip => "skip",
        }
    }
}

impl CaseReport {
    /// What was found, Chinese and by its name.
    fn finding_in_both(&self) -> String {
        match self.finding.parse::<Finding>() {
            Ok(finding) => format!("{} / {}", finding.chinese(), self.finding),
            Err(_) => self.finding.clone(),
        }
    }

    const fn level_in_both(&self) -> &'static str {
        match self.level {
            Level::Must => "必须 / MUST",
            Level::Should => "应当 / SHOULD",
        }
    }
}

impl StaleEntry {
    const fn reason_in_both(&self) -> &'static str {
        match self.reason {
            StaleReason::Ended => "已过截止日 / past its last day",
            StaleReason::Unused => "用例未运行 / its case was not run",
            StaleReason::Passes => "用例已通过 / its case passes",
        }
    }
}
