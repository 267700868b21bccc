//! Changing the rules: announced by one, tried, approved by another, or closed. What follows by itself is `activation`.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, FaultCode, Timestamp, Violation};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;

use super::approval::wrong_state;
use super::deciding::Decider;
use crate::domain::case_file::{CaseFile, CaseFileError};
use crate::domain::rule_change::{Refusal, State, Step};
use crate::domain::rule_set::lint::{Severity, lint};
use crate::domain::rule_set::{MAX_DOCUMENT, RuleSet};
use crate::store::rule_changes::{self, Announcement, RuleSetVersion, Way};
use lutong_chassis::operations::{Ended, Kind, Operation, store as operations};

/// The collection in a resource's name.
pub const COLLECTION: &str = "rule-sets";
/// Violations named in one answer.
const NAMED: usize = 50;

/// Cheap to clone.
#[derive(Clone)]
pub struct RuleDesk {
    pub(super) decider: Decider,
    /// Rung when there is something to be counted.
    pub(super) asked: Arc<Notify>,
}

/// Who does something about a version that they have seen.
#[derive(Debug, Clone)]
pub struct Acting {
    pub account: String,
    pub request: RequestKey,
    /// The tag of the state that they have seen; may be empty.
    pub etag: String,
}

impl RuleSetVersion {
    /// `rule-sets/{rule_set}`.
    pub fn name(&self) -> String {
        format!("{COLLECTION}/{}", self.segment())
    }

    /// The last segment of the name.
    pub fn segment(&self) -> String {
        format!("{}.{}", self.id, self.version)
    }

    pub fn state(&self) -> State {
        self.way.as_ref().map_or(State::Active, |way| way.state)
    }

    /// Of what a step may change.
    pub fn etag(&self) -> Etag {
        let way = self.way.as_ref();
        let number = |value: i64| value.to_string();
        let approved = way.and_then(|way| way.approved_at).map(|at| number(at.micros()));
        let previewed = way
            .and_then(|way| way.preview.as_ref())
            .map(|run| number(run.finished_at));
        let parts = [
            self.state().as_str().to_owned(),
            approved.unwrap_or_default(),
            previewed.unwrap_or_default(),
            way.map(|way| number(way.expected_changes)).unwrap_or_default(),
        ];
        Etag::of(&self.name(), parts)
    }

    /// The steps that an account may take.
    pub fn allowed(&self, account: &str) -> Vec<Step> {
        let Some(way) = &self.way else {
            return Vec::new();
        };
        let may = |step: &Step| step.check(way.state, way.author == account).is_ok();
        Step::ALL.into_iter().filter(may).collect()
    }
}

/// Id and version of a name: an id has no point.
fn parse(name: &str) -> Result<(&str, &str), Fault> {
    let segment = name
        .strip_prefix(COLLECTION)
        .and_then(|rest| rest.strip_prefix('/'));
    segment
        .and_then(|segment| segment.split_once('.'))
        .ok_or_else(not_found)
}

impl RuleDesk {
    pub fn new(decider: Decider) -> Self {
        Self {
            decider,
            asked: Arc::default(),
        }
    }

    /// Announces a version; sent again, as it stands.
    pub async fn announce(
        &self,
        acting: Acting,
        document: String,
        cases: String,
        expected_changes: i64,
    ) -> Result<RuleSetVersion, Fault> {
        let Acting {
            account: author,
            request,
            ..
        } = acting;
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

    /// Begins a preview, or lets it go on: the version, and the operation that counts.
    pub async fn preview(&self, acting: Acting, name: &str) -> Result<(RuleSetVersion, Operation), Fault> {
        let (stands, operation) = self.take(acting, name, Step::Preview).await?;
        Ok((stands, operation.ok_or_else(Fault::internal)?))
    }

    /// Previews, approves, rejects, withdraws or resumes.
    pub async fn step(&self, acting: Acting, name: &str, step: Step) -> Result<RuleSetVersion, Fault> {
        Ok(self.take(acting, name, step).await?.0)
    }

    async fn take(
        &self,
        acting: Acting,
        name: &str,
        step: Step,
    ) -> Result<(RuleSetVersion, Option<Operation>), Fault> {
        let (id, version) = parse(name)?;
        let (id, version) = (id.to_owned(), version.to_owned());
        let now = self.decider.clock.now();
        let operation = self.decider.operation(
            Kind::PreviewRuleSet,
            &acting.account,
            format!("{COLLECTION}/{id}.{version}"),
        );
        let stored = self.decider.database.write(move |transaction| {
            async move {
                let stands = step_in(transaction, &acting, (&id, &version), step, now).await?;
                let operation = note_preview(transaction, step, operation, now).await?;
                Ok::<_, Fault>((stands, operation))
            }
            .boxed()
        });
        let (stored, operation) = stored.await?;
        tracing::info!(
            rule_set = stored.id,
            version = stored.version,
            step = step.as_str(),
            "a rule set takes a step"
        );
        self.asked.notify_waiters();
        Ok((stored, operation))
    }

    pub async fn get(&self, name: &str) -> Result<RuleSetVersion, Fault> {
        let (id, version) = parse(name)?;
        let found = rule_changes::find(self.decider.database.reader(), id, version).await?;
        found.ok_or_else(not_found)
    }

    /// A page, the newest first, and the next page's token.
    pub async fn list(
        &self,
        state: Option<State>,
        page: &Page,
    ) -> Result<(Vec<RuleSetVersion>, String), Fault> {
        let damaged = |_| StorageError::Damaged("a page token".to_owned());
        let before = page.after.as_deref().map(<[u8; 8]>::try_from).transpose();
        let before = before.map_err(damaged)?.map_or(i64::MAX, i64::from_be_bytes);
        let reader = self.decider.database.reader();
        let found = rule_changes::list(reader, state, before, page.limit()).await?;
        page.cut(found, |last| last.number.to_be_bytes().to_vec())
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

/// Takes a step once: as it stands afterwards.
async fn step_in(
    transaction: &DatabaseTransaction,
    acting: &Acting,
    (id, version): (&str, &str),
    step: Step,
    now: Timestamp,
) -> Result<RuleSetVersion, Fault> {
    let found = rule_changes::find(transaction, id, version).await?;
    let answer = name(id, version);
    if let Claim::Replay(answer) = idempotency::claim(transaction, &acting.request, &answer, now).await? {
        return find_answered(transaction, &answer).await;
    }
    let found = found.ok_or_else(not_found)?;
    found.etag().check(&acting.etag, found.state().as_str())?;
    let account = &acting.account;
    let refused = |refusal| refused_step(refusal, &found, account);
    // The one that a build brought is active, and stays.
    let way = found.way.as_ref().ok_or_else(|| refused(Refusal::WrongState))?;
    step.check(way.state, way.author == *account).map_err(refused)?;
    if step == Step::Approve {
        check_approval(way, now)?;
    }
    if matches!(step, Step::Resume(_)) && rule_changes::overtaken(transaction, way.effective_from).await? {
        return Err(overtaken());
    }
    let number = found.number;
    let done = match step {
        Step::Preview => rule_changes::ask_preview(transaction, number, now).await?,
        Step::Approve => rule_changes::approve(transaction, number, account, now).await?,
        Step::Resume(bound) => rule_changes::resume(transaction, number, account, bound, now).await?,
        Step::Reject => rule_changes::close(transaction, number, State::Rejected, account, now).await?,
        Step::Withdraw => rule_changes::close(transaction, number, State::Withdrawn, account, now).await?,
    };
    if !done {
        return Err(refused(Refusal::WrongState));
    }
    find_answered(transaction, &answer).await
}

/// A preview that is asked for is an operation, one at a time; it ends with what is closed.
async fn note_preview(
    transaction: &DatabaseTransaction,
    step: Step,
    operation: Operation,
    now: Timestamp,
) -> Result<Option<Operation>, StorageError> {
    let of = (operation.kind, operation.target.as_str());
    match step {
        Step::Preview => {
            let known = operations::of_target(transaction, of.0, of.1).await?;
            let goes_on = known.as_ref().is_some_and(|known| known.state.is_open());
            // A request that is sent again asks for none.
            if goes_on || !rule_changes::preview_goes_on(transaction, of.1).await? {
                return Ok(known);
            }
            operations::insert(transaction, &operation).await?;
            Ok(Some(operation))
        }
        Step::Reject | Step::Withdraw => {
            operations::finish_of(transaction, of, Ended::Cancelled, now).await?;
            Ok(None)
        }
        Step::Approve | Step::Resume(_) => Ok(None),
    }
}

fn refused_step(refusal: Refusal, version: &RuleSetVersion, account: &str) -> Fault {
    let (reason, zh, en) = match refusal {
        Refusal::OwnProposal => (
            "OWN_PROPOSAL",
            "须由作者以外的人员批准或驳回",
            "whoever announced it neither approves nor rejects it: they may withdraw it",
        ),
        Refusal::NotYourProposal => (
            "NOT_YOUR_PROPOSAL",
            "只能由作者撤回",
            "another account announced it: it can be rejected",
        ),
        Refusal::WrongState => {
            let allowed: Vec<_> = version.allowed(account).into_iter().map(Step::as_str).collect();
            return wrong_state(&version.state().as_str().to_uppercase(), &allowed);
        }
    };
    Fault::new(FaultCode::FailedPrecondition, reason, zh, en)
}

fn check_approval(way: &Way, now: Timestamp) -> Result<(), Fault> {
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
        "其后已有其他版本生效，请驳回并公布新版本",
        "another version has become active since its instant: reject it, and announce a new one",
    )
}
