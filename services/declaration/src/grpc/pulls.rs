//! Databases that are asked on a schedule, on the wire.

use lutong_chassis::idempotency::RequestKey;
use lutong_kernel::{Fault, Timestamp};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;

use super::Handler;
use crate::domain::pull::PullFailure;
use crate::service::pulls::Standing;
use crate::store::pulls::{Counts, Refusal};

impl Handler {
    pub(super) async fn pulls(&self) -> Result<wire::ListPullsResponse, Fault> {
        let standing = self.puller.list().await?;
        Ok(wire::ListPullsResponse {
            pulls: standing.into_iter().map(wire::Pull::from).collect(),
        })
    }

    pub(super) async fn start(
        &self,
        request: RequestKey,
        message: wire::StartPullRequest,
    ) -> Result<wire::StartPullResponse, Fault> {
        let standing = self.puller.start(request, &message.source).await?;
        Ok(wire::StartPullResponse {
            pull: Some(standing.into()),
        })
    }
}

fn at(time: Timestamp) -> prost_types::Timestamp {
    time::from_micros(time.micros())
}

impl From<Standing<'_>> for wire::Pull {
    fn from(standing: Standing<'_>) -> Self {
        let Standing {
            source,
            pull,
            refusals,
            running,
            overdue,
        } = standing;
        let configured = Self {
            source: source.grant.source.clone(),
            interval: prost_types::Duration::try_from(source.interval).ok(),
            kinds: source.grant.kinds.clone(),
            divisions: source.grant.divisions.iter().map(ToString::to_string).collect(),
            running,
            overdue,
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

impl From<PullFailure> for wire::PullError {
    fn from(failure: PullFailure) -> Self {
        Self {
            reason: failure.reason.into_owned(),
            message_zh: failure.zh,
            message_en: failure.en,
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
