//! The steps of a version, taken in a transaction.

use lutong_chassis::operations::{Operation, Outcome, store as operations};
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency;
use lutong_storage::idempotency::Claim;
use sea_orm::DatabaseTransaction;

use super::AccountAction;
use crate::approval::service::wrong_state;
use crate::fault;
use crate::rule_sets::domain::{Refusal, State, Step};
use crate::rule_sets::store::changes::RuleSetChange;
use crate::rule_sets::store::steps as rule_sets;
use crate::rule_sets::store::versions::{self, COLLECTION, RuleSetVersion};

/// Id and version of a resource name. An id contains no point.
pub fn parse(name: &str) -> Result<(&str, &str), Fault> {
    let segment = name
        .strip_prefix(COLLECTION)
        .and_then(|rest| rest.strip_prefix('/'));
    segment
        .and_then(|segment| segment.split_once('.'))
        .ok_or_else(fault::rule_sets::rule_set_not_found)
}

/// The stored answer of a request: the name of the version, which never changes.
pub fn answer_of(id: &str, version: &str) -> Vec<u8> {
    format!("{id}\n{version}").into_bytes()
}

/// The version that an earlier answer names.
pub async fn find_answered(
    connection: &impl sea_orm::ConnectionTrait,
    answer: &[u8],
) -> Result<RuleSetVersion, Fault> {
    let damaged = || Fault::from(idempotency::damaged_answer());
    let text = std::str::from_utf8(answer).map_err(|_| damaged())?;
    let (id, version) = text.split_once('\n').ok_or_else(damaged)?;
    let found = versions::find(connection, id, version).await?;
    found.ok_or_else(damaged)
}

/// Takes a step, unless the request is repeated, and returns the version.
pub async fn step_in(
    transaction: &DatabaseTransaction,
    action: &AccountAction,
    (id, version): (&str, &str),
    step: Step,
    now: Timestamp,
) -> Result<RuleSetVersion, Fault> {
    let found = versions::find(transaction, id, version).await?;
    let answer = answer_of(id, version);
    if let Claim::Replay(answer) = idempotency::claim(transaction, &action.request, &answer, now).await? {
        return find_answered(transaction, &answer).await;
    }
    let found = found.ok_or_else(fault::rule_sets::rule_set_not_found)?;
    found.etag().check(&action.etag, found.state().into_str())?;
    let account = &action.account;
    let refused = |refusal| refused_step(refusal, &found, account);
    // A bundled version is active and takes no step.
    let change = found
        .change
        .as_ref()
        .ok_or_else(|| refused(Refusal::WrongState))?;
    step.check(change.state, change.author == *account)
        .map_err(refused)?;
    if step == Step::Approve {
        check_approval(change, now)?;
    }
    if matches!(step, Step::Resume(_)) && rule_sets::overtaken(transaction, change.effective_from).await? {
        return Err(fault::rule_sets::rule_set_overtaken());
    }
    let number = found.number;
    let done = match step {
        Step::Preview => rule_sets::request_preview(transaction, number, now).await?,
        Step::Approve => rule_sets::approve(transaction, number, account, now).await?,
        Step::Resume(bound) => rule_sets::resume(transaction, number, account, bound, now).await?,
        Step::Reject => rule_sets::close(transaction, number, State::Rejected, account, now).await?,
        Step::Withdraw => rule_sets::close(transaction, number, State::Withdrawn, account, now).await?,
    };
    if !done {
        return Err(refused(Refusal::WrongState));
    }
    find_answered(transaction, &answer).await
}

/// Begins the operation of a preview, of which there is at most one for a version, or ends it when the version is closed.
pub async fn note_preview(
    transaction: &DatabaseTransaction,
    step: Step,
    operation: Operation,
    now: Timestamp,
) -> Result<Option<Operation>, StorageError> {
    let of = (operation.kind, operation.target.as_str());
    match step {
        Step::Preview => {
            let known = operations::of_target(transaction, of.0, of.1).await?;
            let is_open = known.as_ref().is_some_and(|known| known.state.is_open());
            // A repeated request begins no operation.
            if is_open || !rule_sets::is_preview_running(transaction, of.1).await? {
                return Ok(known);
            }
            operations::insert(transaction, &operation).await?;
            Ok(Some(operation))
        }
        Step::Reject | Step::Withdraw => {
            operations::finish_of(transaction, of, Outcome::Cancelled, now).await?;
            Ok(None)
        }
        Step::Approve | Step::Resume(_) => Ok(None),
    }
}

fn refused_step(refusal: Refusal, version: &RuleSetVersion, account: &str) -> Fault {
    match refusal {
        Refusal::OwnProposal => fault::rule_sets::announced_by_caller(),
        Refusal::NotYourProposal => fault::rule_sets::announced_by_another(),
        Refusal::WrongState => {
            let allowed: Vec<_> = version
                .allowed(account)
                .into_iter()
                .map(|step| step.into_str())
                .collect();
            wrong_state(&version.state().into_str().to_uppercase(), &allowed)
        }
    }
}

fn check_approval(change: &RuleSetChange, now: Timestamp) -> Result<(), Fault> {
    if change.preview.is_none() {
        return Err(fault::rule_sets::preview_missing());
    }
    if change.effective_from <= now {
        return Err(fault::rule_sets::effective_time_passed());
    }
    Ok(())
}
