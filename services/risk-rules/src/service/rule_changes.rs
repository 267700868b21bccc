//! Changing the rules: announced by one, tried, approved by another, or cancelled. What follows by itself is `activation`.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_chassis::idempotency::{self, Claim, Idempotency, RequestKey};
use lutong_chassis::storage::StorageError;
use lutong_kernel::{Fault, FaultCode, RequestId, Violation};
use tokio::sync::Notify;

use super::deciding::Decider;
use crate::domain::case_file::{CaseFile, CaseFileError};
use crate::domain::rule_change::State;
use crate::domain::rule_set::lint::{Severity, lint};
use crate::domain::rule_set::{MAX_DOCUMENT, RuleSet};
use crate::store::rule_changes::{self, Announcement, RuleSetVersion, Way};

/// Violations named in one answer.
const NAMED: usize = 50;

/// Cheap to clone.
#[derive(Clone)]
pub struct RuleDesk {
    pub(super) decider: Decider,
    pub(super) idempotency: Idempotency,
    /// Rung when there is something to be counted.
    pub(super) asked: Arc<Notify>,
}

/// Who sent what under which id.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    pub account: &'a str,
    pub request_id: RequestId,
    pub body: &'a [u8],
}

/// A step of a version that is there.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    Preview,
    Approve,
    /// With a new bound.
    Resume(i64),
    Cancel,
}

impl Step {
    const fn method(self) -> &'static str {
        match self {
            Self::Preview => "PreviewRuleSet",
            Self::Approve => "ApproveRuleSet",
            Self::Resume(_) => "ResumeRuleSet",
            Self::Cancel => "CancelRuleSet",
        }
    }
}

impl RuleDesk {
    pub fn new(store: &Store, decider: Decider) -> Self {
        Self {
            decider,
            idempotency: store.idempotency.clone(),
            asked: Arc::default(),
        }
    }

    fn key(&self, sent: Sent<'_>, method: &str) -> RequestKey {
        self.idempotency
            .key(sent.account, method, sent.request_id, sent.body)
    }

    /// Announces a version; sent again, as it stands.
    pub async fn announce(
        &self,
        sent: Sent<'_>,
        document: String,
        cases: String,
        expected_changes: i64,
    ) -> Result<RuleSetVersion, Fault> {
        let request = self.key(sent, "AnnounceRuleSet");
        if let Some(answer) = idempotency::earlier(self.decider.database.reader(), &request).await? {
            return self.answered(&answer).await;
        }
        // Milliseconds of reading that other calls need not wait for.
        let proven = tokio::task::spawn_blocking(move || {
            let set = prove(&document, &cases)?;
            Ok::<_, Fault>((set, document, cases))
        });
        let (set, document, cases) = proven.await.map_err(|_| Fault::internal())??;
        let now = self.decider.clock.now();
        if set.effective_from <= now {
            return Err(Fault::invalid(vec![Violation::new(
                "document.effective_from",
                "NOT_AHEAD",
                "规则集须提前公布，生效时间应在将来",
                "a rule set is announced ahead: its effective_from lies in the future",
            )]));
        }
        let author = sent.account.to_owned();
        let stored = self.decider.database.write(move |transaction| {
            async move {
                let answer = name(&set.id, &set.version);
                if let Claim::Replay(answer) = idempotency::claim(transaction, &request, &answer, now).await?
                {
                    return find_answered(transaction, &answer).await;
                }
                let announced = Announcement {
                    set: &set,
                    document: &document,
                    cases: &cases,
                    author: &author,
                    expected_changes,
                };
                match rule_changes::announce(transaction, &announced, now).await {
                    Ok(Some(_)) => find_answered(transaction, &answer).await,
                    // Another was faster.
                    Ok(None) | Err(StorageError::Unique(_)) => Err(exists()),
                    Err(error) => Err(error.into()),
                }
            }
            .boxed()
        });
        let stored = stored.await?;
        tracing::info!(
            rule_set = stored.id,
            version = stored.version,
            expected_changes,
            "a rule set is announced"
        );
        Ok(stored)
    }

    /// Previews, approves, resumes or cancels.
    pub async fn step(
        &self,
        sent: Sent<'_>,
        id: &str,
        version: &str,
        step: Step,
    ) -> Result<RuleSetVersion, Fault> {
        let request = self.key(sent, step.method());
        let (account, id, version) = (sent.account.to_owned(), id.to_owned(), version.to_owned());
        let now = self.decider.clock.now();
        let stored = self.decider.database.write(move |transaction| {
            async move {
                let found = rule_changes::find(transaction, &id, &version).await?;
                let answer = name(&id, &version);
                if let Claim::Replay(answer) = idempotency::claim(transaction, &request, &answer, now).await?
                {
                    return find_answered(transaction, &answer).await;
                }
                let found = found.ok_or_else(not_found)?;
                // The one that a build brought is active.
                let way = found.way.as_ref().ok_or_else(|| wrong_state(State::Active))?;
                let number = found.number;
                check(step, way, &account, now)?;
                if matches!(step, Step::Resume(_))
                    && rule_changes::overtaken(transaction, way.effective_from).await?
                {
                    return Err(overtaken());
                }
                let done = match step {
                    Step::Preview => rule_changes::ask_preview(transaction, number, now).await?,
                    Step::Approve => rule_changes::approve(transaction, number, &account, now).await?,
                    Step::Resume(bound) => {
                        rule_changes::resume(transaction, number, &account, bound, now).await?
                    }
                    Step::Cancel => rule_changes::cancel(transaction, number).await?,
                };
                if !done {
                    return Err(wrong_state(way.state));
                }
                find_answered(transaction, &answer).await
            }
            .boxed()
        });
        let stored = stored.await?;
        tracing::info!(
            rule_set = stored.id,
            version = stored.version,
            step = step.method(),
            "a rule set takes a step"
        );
        self.asked.notify_waiters();
        Ok(stored)
    }

    pub async fn get(&self, id: &str, version: &str) -> Result<RuleSetVersion, Fault> {
        let found = rule_changes::find(self.decider.database.reader(), id, version).await?;
        found.ok_or_else(not_found)
    }

    /// The newest first, before a number.
    pub async fn list(&self, before: Option<i64>, limit: u64) -> Result<Vec<RuleSetVersion>, Fault> {
        let before = before.unwrap_or(i64::MAX);
        Ok(rule_changes::list(self.decider.database.reader(), before, limit).await?)
    }

    async fn answered(&self, answer: &[u8]) -> Result<RuleSetVersion, Fault> {
        find_answered(self.decider.database.reader(), answer).await
    }
}

/// What an answer is kept as: a version is never renamed.
fn name(id: &str, version: &str) -> Vec<u8> {
    format!("{id}\n{version}").into_bytes()
}

async fn find_answered(
    connection: &impl sea_orm::ConnectionTrait,
    answer: &[u8],
) -> Result<RuleSetVersion, Fault> {
    let damaged = || Fault::from(StorageError::Damaged("idempotency.answer".to_owned()));
    let text = std::str::from_utf8(answer).map_err(|_| damaged())?;
    let (id, version) = text.split_once('\n').ok_or_else(damaged)?;
    let found = rule_changes::find(connection, id, version).await?;
    found.ok_or_else(damaged)
}

fn check(step: Step, way: &Way, account: &str, now: lutong_kernel::Timestamp) -> Result<(), Fault> {
    let from: &[State] = match step {
        Step::Preview | Step::Cancel => &State::OPEN,
        Step::Approve => &[State::Announced],
        Step::Resume(_) => &[State::Paused],
    };
    if !from.contains(&way.state) {
        return Err(wrong_state(way.state));
    }
    if matches!(step, Step::Approve | Step::Resume(_)) && way.author == account {
        return Err(Fault::new(
            FaultCode::PermissionDenied,
            "OWN_RULE_SET",
            "规则集须由作者以外的人员批准",
            "a rule set is approved by somebody else than its author",
        ));
    }
    if matches!(step, Step::Approve) {
        if way.preview.is_none() {
            return Err(Fault::new(
                FaultCode::FailedPrecondition,
                "PREVIEW_MISSING",
                "批准前须先完成该版本的影响预览",
                "a preview of this version is to be finished before it is approved",
            ));
        }
        if way.effective_from <= now {
            return Err(Fault::new(
                FaultCode::FailedPrecondition,
                "EFFECTIVE_TIME_PASSED",
                "生效时间已过，请公布新版本",
                "its effective time has passed: announce another version",
            ));
        }
    }
    Ok(())
}

/// A rule set without errors whose cases pass.
fn prove(document: &str, cases: &str) -> Result<RuleSet, Fault> {
    let linted = lint(document);
    let errors = linted
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let violations: Vec<_> = errors
        .take(NAMED)
        .map(|one| Violation::new(format!("document.{}", one.path), one.reason, &one.zh, &one.en))
        .collect();
    let Some(set) = linted.set.filter(|_| violations.is_empty()) else {
        return Err(refused(
            "RULE_SET_REFUSED",
            (
                "规则集有错误，未公布",
                "the rule set has errors; nothing was announced",
            ),
            violations,
        ));
    };
    let failed = |violations| {
        refused(
            "CASES_FAILED",
            (
                "判定案例未全部通过，未公布",
                "not every decision case passes; nothing was announced",
            ),
            violations,
        )
    };
    if cases.len() > MAX_DOCUMENT {
        let en = "a case file has at most 256 KiB";
        return Err(failed(vec![Violation::new(
            "cases",
            "TOO_LARGE",
            "案例文件最多256 KiB",
            en,
        )]));
    }
    let set = Arc::new(set);
    let file = CaseFile::parse_for(cases, &set).map_err(|error| failed(vec![unreadable(&error)]))?;
    if file.is_empty() {
        let en = "a rule set is proven by at least one case";
        return Err(failed(vec![Violation::new(
            "cases",
            "CASES_MISSING",
            "至少需要一个判定案例",
            en,
        )]));
    }
    let outcomes = file.run().into_iter().filter(|one| !one.failures.is_empty());
    let violations: Vec<_> = outcomes
        .take(NAMED)
        .map(|one| {
            let en = one.failures.join("; ");
            Violation::new(
                format!("cases[{:?}]", one.name),
                "CASE_FAILED",
                format!("案例未通过：{en}"),
                en,
            )
        })
        .collect();
    if !violations.is_empty() {
        return Err(failed(violations));
    }
    drop(file);
    Ok(Arc::unwrap_or_clone(set))
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

fn exists() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "RULE_SET_EXISTS",
        "该规则集版本已公布，请使用新的版本号",
        "this version of the rule set is there already; use a new version",
    )
}

fn not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "RULE_SET_NOT_FOUND",
        "没有该规则集版本",
        "there is no such version of a rule set",
    )
}

fn overtaken() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "RULE_SET_OVERTAKEN",
        "其后已有其他版本生效，请取消并公布新版本",
        "another version has become active since its instant: cancel it and announce a new one",
    )
}

fn wrong_state(state: State) -> Fault {
    let zh = match state {
        State::Announced => "已公布",
        State::Approved => "已批准",
        State::Active => "已生效",
        State::Paused => "已暂停",
        State::Cancelled => "已取消",
    };
    Fault::new(
        FaultCode::FailedPrecondition,
        "RULE_SET_STATE",
        format!("该规则集版本{zh}，不能进行此操作"),
        format!("the version is {}: this cannot be done", state.as_str()),
    )
}
