//! What came out, as data. A report expires: a system changes.

mod page;
pub mod signed;

use lutong_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cases::Level;
use crate::clauses::Clause;
use crate::coverage;
use crate::expected::Expected;
use crate::kept::{KeptExchange, digest};
use crate::run::CaseRun;
use crate::session::Kit;
use crate::verdict::CaseResult;

/// For how long a report is shown as one: three months.
pub const VALID_SECONDS: i64 = 90 * 86_400;
/// The names of suite and form.
const SUITE: &str = "lutong-conformance";

/// What a run says of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum SystemVerdict {
    /// It keeps everything that it must.
    Conformant,
    /// So it does, but for failures that are known.
    KnownFailures,
    NotConformant,
    /// Something that it must keep could not be judged, or nothing was.
    Inconclusive,
}

/// A case of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    pub id: String,
    pub clauses: Vec<String>,
    pub level: Level,
    pub title_zh: String,
    pub title_en: String,
    pub result: CaseResult,
    /// What was found; empty for a case that passes.
    pub finding: String,
    /// Why it failed, or was not run.
    pub detail: String,
    /// Of a known failure.
    pub known: Option<KnownFailure>,
    pub exchanges: Vec<KeptExchange>,
}

/// A known failure, as its list has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFailure {
    pub comment: String,
    pub owner: String,
    /// Its last day.
    pub until: String,
}

/// Why an entry of the list of known failures has to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum StaleReason {
    /// Its last day is over.
    Ended,
    /// Its case was not run.
    Unused,
    /// Its case passes.
    Passes,
}

/// An entry that is no longer true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleEntry {
    pub case: String,
    pub reason: StaleReason,
    pub known: KnownFailure,
}

/// The result of cases that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    /// What the ids of its cases begin with.
    pub id: String,
    pub result: CaseResult,
}

/// A clause that no machine tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntestedClause {
    pub clause: String,
    pub text: String,
    pub why: String,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub suite: String,
    pub suite_version: String,
    /// Of the table of clauses and cases, SHA-256.
    pub cases_sha256: String,
    /// Two digits of GB/T 2260.
    pub province: String,
    pub name: String,
    /// Where it was called, and where it says that it is.
    pub address: String,
    pub declared_address: String,
    /// As whom the kit spoke.
    pub tester: String,
    /// Of the files, SHA-256; empty where there was none.
    pub declaration_sha256: String,
    pub expected_failures_sha256: String,
    /// RFC 3339.
    pub begin_time: String,
    pub end_time: String,
    pub expire_time: String,
    pub verdict: SystemVerdict,
    pub groups: Vec<GroupReport>,
    pub stale_expectations: Vec<StaleEntry>,
    pub cases: Vec<CaseReport>,
    pub untested: Vec<UntestedClause>,
}

/// The files of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunFiles<'a> {
    pub declaration: &'a str,
    /// Empty: there is none.
    pub expected_failures: &'a str,
}

impl Report {
    pub fn new(
        kit: &Kit,
        files: RunFiles<'_>,
        (ran, expected): (Vec<CaseRun>, &Expected),
        (began_at, ended_at): (Timestamp, Timestamp),
    ) -> Self {
        let cases: Vec<CaseReport> = ran.into_iter().map(|ran| case(ran, expected, ended_at)).collect();
        let digest_of = |text: &str| {
            if text.is_empty() {
                String::new()
            } else {
                digest(text.as_bytes())
            }
        };
        Self {
            suite: SUITE.to_owned(),
            suite_version: env!("CARGO_PKG_VERSION").to_owned(),
            cases_sha256: coverage::table().map_or_else(|_| String::new(), |table| digest(&table)),
            province: kit.peer.province.as_str().to_owned(),
            name: kit.peer.name.clone(),
            address: kit.address.clone(),
            declared_address: kit.peer.address.clone(),
            tester: kit.speaker.own.as_str().to_owned(),
            declaration_sha256: digest_of(files.declaration),
            expected_failures_sha256: digest_of(files.expected_failures),
            begin_time: began_at.to_string(),
            end_time: ended_at.to_string(),
            expire_time: ended_at.plus_seconds(VALID_SECONDS).to_string(),
            verdict: verdict(&cases),
            groups: groups(&cases),
            stale_expectations: stale(&cases, expected, ended_at),
            cases,
            untested: untested(),
        }
    }

    /// Whether there is nothing to mend: neither in the system nor in the list of known failures.
    pub fn is_clean(&self) -> bool {
        let is_kept = matches!(
            self.verdict,
            SystemVerdict::Conformant | SystemVerdict::KnownFailures
        );
        is_kept && self.stale_expectations.is_empty()
    }

    pub fn count(&self, result: CaseResult) -> usize {
        self.cases.iter().filter(|case| case.result == result).count()
    }

    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// How a case ended, what was found, and why.
pub fn judge(ran: &CaseRun, expected: &Expected, now: Timestamp) -> (CaseResult, &'static str, String) {
    let is_known = expected.of(ran.case.about().id, now).is_some();
    match &ran.verdict {
        Err(missing) => (CaseResult::Skip, "", (*missing).to_owned()),
        Ok(Ok(())) if is_known => (CaseResult::UnexpectedPass, "", String::new()),
        Ok(Ok(())) => (CaseResult::Pass, "", String::new()),
        Ok(Err(failure)) => {
            let result = match (failure.finding.is_error(), is_known) {
                (true, _) => CaseResult::Error,
                (false, true) => CaseResult::ExpectedFail,
                (false, false) => CaseResult::Fail,
            };
            (result, failure.finding.into_str(), failure.detail.clone())
        }
    }
}

fn case(ran: CaseRun, expected: &Expected, now: Timestamp) -> CaseReport {
    let about = ran.case.about();
    let known = expected.of(about.id, now);
    let (result, finding, detail) = judge(&ran, expected, now);
    CaseReport {
        id: about.id.to_owned(),
        clauses: about
            .clauses
            .iter()
            .map(|clause| clause.about().id.to_owned())
            .collect(),
        level: about.level,
        title_zh: about.title.0.to_owned(),
        title_en: about.title.1.to_owned(),
        result,
        finding: finding.to_owned(),
        detail,
        known: known.map(KnownFailure::from),
        exchanges: ran.exchanges,
    }
}

impl From<&crate::expected::ExpectedFailure> for KnownFailure {
    fn from(known: &crate::expected::ExpectedFailure) -> Self {
        Self {
            comment: known.comment.clone(),
            owner: known.owner.clone(),
            until: known.until.to_string(),
        }
    }
}

fn verdict(cases: &[CaseReport]) -> SystemVerdict {
    let musts = cases.iter().filter(|case| case.level == Level::Must);
    let results: Vec<CaseResult> = musts.map(|case| case.result).collect();
    let has = |result| results.contains(&result);
    let has_passed = has(CaseResult::Pass) || has(CaseResult::UnexpectedPass);
    if has(CaseResult::Fail) {
        SystemVerdict::NotConformant
    } else if has(CaseResult::Error) || !has_passed {
        SystemVerdict::Inconclusive
    } else if has(CaseResult::ExpectedFail) {
        SystemVerdict::KnownFailures
    } else {
        SystemVerdict::Conformant
    }
}

fn groups(cases: &[CaseReport]) -> Vec<GroupReport> {
    let group_of = |case: &CaseReport| case.id.split('-').next().unwrap_or_default().to_owned();
    let mut groups: Vec<GroupReport> = Vec::new();
    for case in cases {
        let id = group_of(case);
        match groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.result = CaseResult::roll_up([group.result, case.result]),
            None => groups.push(GroupReport {
                id,
                result: case.result,
            }),
        }
    }
    groups
}

fn stale(cases: &[CaseReport], expected: &Expected, now: Timestamp) -> Vec<StaleEntry> {
    let reason = |id: &str, has_ended: bool| {
        if has_ended {
            return Some(StaleReason::Ended);
        }
        let result = cases.iter().find(|case| case.id == id).map(|case| case.result);
        match result {
            None | Some(CaseResult::Skip) => Some(StaleReason::Unused),
            Some(CaseResult::UnexpectedPass) => Some(StaleReason::Passes),
            Some(_) => None,
        }
    };
    let entries = expected.0.iter();
    let stale = entries.filter_map(|(id, known)| {
        Some(StaleEntry {
            case: (*id).to_owned(),
            reason: reason(id, known.has_ended(now))?,
            known: known.into(),
        })
    });
    stale.collect()
}

fn untested() -> Vec<UntestedClause> {
    let all = <Clause as strum::VariantArray>::VARIANTS
        .iter()
        .map(|clause| clause.about());
    let untested = all.filter(|about| !about.untested.is_empty());
    untested
        .map(|about| UntestedClause {
            clause: about.id.to_owned(),
            text: about.text.to_owned(),
            why: about.untested.to_owned(),
        })
        .collect()
}
