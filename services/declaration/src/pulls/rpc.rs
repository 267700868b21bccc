//! `PullService`: parse, call, map.

use lutong_chassis::operations;
use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{Clock, ClockState, LocalisedText};
use lutong_skin::declaration::v1::PullHandler;
use lutong_transport::access::NoPermit;

use super::domain::PullFailure;
use super::service::{PullStatus, Puller, SuccessWait};
use super::store::Counts;
use super::store::refusals::Refusal;

const COLLECTION: &str = "pulls/";

pub struct PullRpc(pub Puller);

impl PullHandler for PullRpc {
    async fn get_pull(
        &self,
        _: Query<NoPermit>,
        message: wire::GetPullRequest,
    ) -> Result<wire::GetPullResponse, Fault> {
        let status = self.0.get(source(&message.name)).await?;
        Ok(wire::GetPullResponse {
            pull: Some(status.into()),
        })
    }

    async fn list_pulls(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListPullsRequest,
    ) -> Result<wire::ListPullsResponse, Fault> {
        let (status, next_page_token) = self.0.list(&call.page).await?;
        Ok(wire::ListPullsResponse {
            pulls: status.into_iter().map(wire::Pull::from).collect(),
            next_page_token,
        })
    }

    async fn start_pull(
        &self,
        call: Mutation<NoPermit>,
        message: wire::StartPullRequest,
    ) -> Result<wire::StartPullResponse, Fault> {
        let account = &call.grant.principal().account;
        let started = self.0.start(call.request, account, source(&message.name)).await?;
        let (status, operation) = started;
        Ok(wire::StartPullResponse {
            pull: Some(status.into()),
            operation: operations::name(operation),
        })
    }
}

fn source(name: &str) -> &str {
    name.strip_prefix(COLLECTION).unwrap_or_default()
}

fn at(time: Timestamp) -> prost_types::Timestamp {
    time::from_micros(time.micros())
}

impl From<PullStatus<'_>> for wire::Pull {
    fn from(status: PullStatus<'_>) -> Self {
        let PullStatus {
            source,
            pull,
            refusals,
            running,
            wait,
        } = status;
        let state = if running {
            wire::PullState::Running
        } else {
            wire::PullState::Waiting
        };
        let configured = Self {
            name: format!("{COLLECTION}{}", source.grant.source),
            pull_id: source.grant.source.clone(),
            interval: prost_types::Duration::try_from(source.interval).ok(),
            kinds: source.grant.kinds.clone(),
            divisions: source.grant.divisions.iter().map(ToString::to_string).collect(),
            state: state.into(),
            clock: wait.map(Clock::from),
            refusals: refusals.into_iter().map(wire::PullRefusal::from).collect(),
            ..Self::default()
        };
        let Some(pull) = pull else { return configured };
        Self {
            cursor: pull.cursor,
            cursor_time: pull.cursor_at.map(at),
            last_success_time: pull.last_success_at.map(at),
            last_attempt_time: pull.last_attempt_at.map(at),
            next_due_time: Some(at(pull.next_due_at)),
            last_error: pull.error.map(wire::PullError::from),
            total_rows: Some(pull.total.into()),
            last_page_rows: Some(pull.page.into()),
            ..configured
        }
    }
}

impl From<SuccessWait> for Clock {
    fn from(wait: SuccessWait) -> Self {
        let state = if wait.is_overdue {
            ClockState::Overdue
        } else {
            ClockState::Running
        };
        Self {
            kind: "next-success".to_owned(),
            state: state.into(),
            start_time: Some(at(wait.since)),
            due_time: Some(at(wait.due)),
            calendar: "every-hour".to_owned(),
            ..Self::default()
        }
    }
}

impl From<PullFailure> for wire::PullError {
    fn from(failure: PullFailure) -> Self {
        Self {
            reason: failure.reason.into_owned(),
            message: Some(LocalisedText::new(failure.zh, failure.en)),
        }
    }
}

impl From<Counts> for wire::PullRows {
    fn from(counts: Counts) -> Self {
        let Counts {
            accepted,
            unchanged,
            refused,
        } = counts;
        Self {
            accepted,
            unchanged,
            refused,
        }
    }
}

impl From<Refusal> for wire::PullRefusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            after: refusal.after,
            row: refusal.row,
            field: refusal.field,
            reason: refusal.reason,
            create_time: Some(at(refusal.at)),
        }
    }
}
