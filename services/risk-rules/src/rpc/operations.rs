//! Operations.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use lutong_chassis::access::{CasePermit, Grant};
use lutong_chassis::skin::{Answers, Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::policy::Role;
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::types::v1 as types;
use lutong_skin::risk_rules::v1::OperationHandler;
use tokio::time::Instant;
use uuid::Uuid;

use super::approval::instant;
use super::names::uuid_of;
use crate::domain::operation::{Kind, Operation, State};
use crate::service::deciding::Decider;
use crate::service::operations::Sight;
use crate::store::operations::Filter;

const COLLECTION: &str = "operations";
/// Between two looks at a watched operation.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A watcher hears this often when nothing has changed: at least every 15 s is promised, and a look comes late on a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub struct Handler(pub Decider);

impl OperationHandler for Handler {
    async fn get_operation(
        &self,
        call: Query<CasePermit>,
        message: wire::GetOperationRequest,
    ) -> Result<wire::GetOperationResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let found = self.0.operation_of(&sight(&call.grant, &call.permit), id).await?;
        Ok(wire::GetOperationResponse {
            operation: Some(operation(&found)),
        })
    }

    async fn list_operations(
        &self,
        call: Listing<CasePermit>,
        message: wire::ListOperationsRequest,
    ) -> Result<wire::ListOperationsResponse, Fault> {
        let filter = Filter {
            account: None,
            kind: Kind::ALL.into_iter().find(|one| kind(*one) == message.kind()),
            state: State::ALL.into_iter().find(|one| state(*one) == message.state()),
        };
        // Nothing here does what no kind of ours is.
        if filter.kind.is_none() && message.kind() != types::OperationKind::Unspecified {
            return Ok(wire::ListOperationsResponse::default());
        }
        let sight = sight(&call.grant, &call.permit);
        let (found, next_page_token) = self.0.list_operations(&sight, filter, &call.page).await?;
        Ok(wire::ListOperationsResponse {
            operations: found.iter().map(operation).collect(),
            next_page_token,
        })
    }

    async fn cancel_operation(
        &self,
        call: Mutation<CasePermit>,
        message: wire::CancelOperationRequest,
    ) -> Result<wire::CancelOperationResponse, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let sight = sight(&call.grant, &call.permit);
        let cancelled = self.0.cancel_operation(sight, call.request, id).await?;
        Ok(wire::CancelOperationResponse {
            operation: Some(operation(&cancelled)),
        })
    }

    async fn watch_operation(
        &self,
        call: Query<CasePermit>,
        message: wire::WatchOperationRequest,
    ) -> Result<Answers<wire::WatchOperationResponse>, Fault> {
        let id = uuid_of(&message.name, COLLECTION)?;
        let sight = sight(&call.grant, &call.permit);
        let first = self.0.operation_of(&sight, id).await?;
        let watch = Watch {
            decider: self.0.clone(),
            sight,
            id,
            said: first.clone(),
        };
        let rest = stream::unfold(Some(watch), |watch| async move { watch?.next().await });
        Ok(stream::once(async move { Ok(answer(&first)) })
            .chain(rest)
            .boxed())
    }
}

/// Somebody who watches an operation.
struct Watch {
    decider: Decider,
    sight: Sight,
    id: Uuid,
    said: Operation,
}

type Said = (Result<wire::WatchOperationResponse, Fault>, Option<Watch>);

impl Watch {
    /// Waits for a change or the heartbeat; `None` once its end was said.
    async fn next(mut self) -> Option<Said> {
        if !self.said.state.is_open() {
            return None;
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let found = match self.decider.operation_of(&self.sight, self.id).await {
                Ok(found) => found,
                Err(fault) => return Some((Err(fault), None)),
            };
            if found != self.said || Instant::now() >= heartbeat {
                self.said = found;
                return Some((Ok(answer(&self.said)), Some(self)));
            }
        }
    }
}

fn answer(one: &Operation) -> wire::WatchOperationResponse {
    wire::WatchOperationResponse {
        operation: Some(operation(one)),
    }
}

/// Operators and auditors see every operation, others their own.
fn sight(grant: &Grant, permit: &CasePermit) -> Sight {
    let roles = grant.principal().roles;
    if roles.has(Role::Operator) || roles.has(Role::Auditor) {
        Sight::All
    } else {
        Sight::Own(permit.account().to_owned())
    }
}

pub const fn kind(kind: Kind) -> types::OperationKind {
    match kind {
        Kind::BringIntoForce => types::OperationKind::BringIntoForce,
        Kind::Recompare => types::OperationKind::Recompare,
        Kind::PreviewRuleSet => types::OperationKind::PreviewRuleSet,
        Kind::RollBack => types::OperationKind::RollBack,
        Kind::VerifyHistory => types::OperationKind::VerifyHistory,
    }
}

const fn state(state: State) -> types::OperationState {
    match state {
        State::Queued => types::OperationState::Queued,
        State::Running => types::OperationState::Running,
        State::Succeeded => types::OperationState::Succeeded,
        State::Failed => types::OperationState::Failed,
        State::Cancelled => types::OperationState::Cancelled,
    }
}

const fn unit(kind: Kind) -> types::ProgressUnit {
    match kind {
        Kind::BringIntoForce | Kind::RollBack | Kind::VerifyHistory => types::ProgressUnit::Subjects,
        Kind::Recompare | Kind::PreviewRuleSet => types::ProgressUnit::Parts,
    }
}

pub fn operation(one: &Operation) -> types::Operation {
    types::Operation {
        name: one.name(),
        operation_id: one.id.to_string(),
        kind: kind(one.kind).into(),
        state: state(one.state).into(),
        progress: Some(types::OperationProgress {
            done: one.done,
            total: one.total,
            unit: unit(one.kind).into(),
        }),
        create_time: Some(instant(one.created_at)),
        finish_time: one.finished_at.map(instant),
        error: None,
        target: one.target.clone(),
    }
}
