//! Rule sets: announced by one account, previewed, approved by another, or closed. Background work is in `activation`.

pub mod activation;
mod proving;
pub mod shadow;
mod steps;

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Operation};
use lutong_chassis::skin::Page;
use lutong_kernel::{Clock, Fault, Random};
use lutong_storage::idempotency;
use lutong_storage::idempotency::{Claim, RequestKey};
use lutong_storage::{Database, StorageError};
use tokio::sync::Notify;

use super::domain::{State, Step};
use super::store::steps::Announcement;
use super::store::versions::{self, COLLECTION, RuleSetVersion};
use crate::fault;
use proving::prove;
use steps::{answer_of, find_answered, note_preview, parse, step_in};

/// Announces versions and takes their steps. Cheap to clone.
#[derive(Clone)]
pub struct RuleSets {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Wakes the worker when there is something to count.
    requested: Arc<Notify>,
}

/// An account's action on a version.
#[derive(Debug, Clone)]
pub struct AccountAction {
    pub account: String,
    pub request: RequestKey,
    /// The etag of the state that the account has seen; may be empty.
    pub etag: String,
}

impl RuleSets {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        requested: Arc<Notify>,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            requested,
        }
    }

    /// Announces a version. Repeating the request returns its current state.
    pub async fn announce(
        &self,
        action: AccountAction,
        document: String,
        cases: String,
        expected_changes: i64,
    ) -> Result<RuleSetVersion, Fault> {
        let AccountAction {
            account: author,
            request,
            ..
        } = action;
        if let Some(answer) = idempotency::stored_answer(self.database.reader(), &request).await? {
            return find_answered(self.database.reader(), &answer).await;
        }
        // Parsing takes milliseconds, for which other calls must not wait.
        let proven = tokio::task::spawn_blocking(move || {
            let set = prove(&document, &cases)?;
            Ok::<_, Fault>((set, document, cases))
        });
        let proven = proven
            .await
            .map_err(|_| Fault::internal("proving a rule set panicked or was cancelled"))?;
        let (set, document, cases) = proven?;
        let now = self.clock.now();
        if set.effective_from <= now {
            return Err(Fault::invalid(vec![fault::rule_sets::not_ahead()]));
        }
        let stored = self.database.write(move |transaction| {
            async move {
                let answer = answer_of(&set.id, &set.version);
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
                match super::store::steps::announce(transaction, &announced, now).await {
                    Ok(Some(_)) => find_answered(transaction, &answer).await,
                    // `Unique`: a concurrent call has announced the same version.
                    Ok(None) | Err(StorageError::Unique(_)) => Err(fault::rule_sets::rule_set_exists()),
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

    /// Requests a preview and returns the version and the operation that counts. A running preview keeps running.
    pub async fn preview(
        &self,
        action: AccountAction,
        name: &str,
    ) -> Result<(RuleSetVersion, Operation), Fault> {
        let (version, operation) = self.take(action, name, Step::Preview).await?;
        let missing = || Fault::internal(format_args!("the preview of {} has no operation", version.name()));
        let operation = operation.ok_or_else(missing)?;
        Ok((version, operation))
    }

    /// Approves, rejects, withdraws or resumes a version.
    pub async fn step(&self, action: AccountAction, name: &str, step: Step) -> Result<RuleSetVersion, Fault> {
        Ok(self.take(action, name, step).await?.0)
    }

    async fn take(
        &self,
        action: AccountAction,
        name: &str,
        step: Step,
    ) -> Result<(RuleSetVersion, Option<Operation>), Fault> {
        let (id, version) = parse(name)?;
        let (id, version) = (id.to_owned(), version.to_owned());
        let now = self.clock.now();
        let target = format!("{COLLECTION}/{id}.{version}");
        let begun = (self.clock.now(), &*self.random);
        let operation = Operation::begin(Kind::PreviewRuleSet, &action.account, target, begun);
        let stored = self.database.write(move |transaction| {
            async move {
                let stored = step_in(transaction, &action, (&id, &version), step, now).await?;
                let operation = note_preview(transaction, step, operation, now).await?;
                Ok::<_, Fault>((stored, operation))
            }
            .boxed()
        });
        let (stored, operation) = stored.await?;
        tracing::info!(
            rule_set = stored.id,
            version = stored.version,
            step = step.into_str(),
            "a rule set takes a step"
        );
        self.requested.notify_waiters();
        Ok((stored, operation))
    }

    pub async fn find(&self, name: &str) -> Result<RuleSetVersion, Fault> {
        let (id, version) = parse(name)?;
        let found = versions::find(self.database.reader(), id, version).await?;
        found.ok_or_else(fault::rule_sets::rule_set_not_found)
    }

    /// A page of versions, the newest first, and the next page token.
    pub async fn list(
        &self,
        state: Option<State>,
        page: &Page,
    ) -> Result<(Vec<RuleSetVersion>, String), Fault> {
        let before = page.after_number()?.unwrap_or(i64::MAX);
        let found = versions::list(self.database.reader(), state, before, page.limit()).await?;
        page.cut(found, |last| last.number.to_be_bytes().to_vec())
    }
}
