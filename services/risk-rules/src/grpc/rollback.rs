//! Undoing a feed's span, on the wire.

use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, Timestamp, Violation};
use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use tonic::{Request, Response, Status};
use wire::rollback_service_server::RollbackService;

use super::statement::StatementReader;
use crate::service::deciding::Decider;
use crate::service::rollback::{Span, Undone};

#[derive(Clone)]
pub struct Rollbacks {
    decider: Decider,
    reader: StatementReader,
}

impl Rollbacks {
    pub const fn new(decider: Decider, reader: StatementReader) -> Self {
        Self { decider, reader }
    }

    async fn roll_back(
        &self,
        request: Request<wire::RollBackFeedRequest>,
    ) -> Result<wire::RollBackFeedResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let dry_run = message.dry_run;
        let span = span(message)?;
        let undone = self
            .decider
            .roll_back(permit, &grant.own_call(), &self.reader, &span, dry_run)
            .await?;
        Ok(undone.into())
    }
}

fn span(message: wire::RollBackFeedRequest) -> Result<Span, Fault> {
    let mut wrong = Violations::new();
    let instant = |at: Option<prost_types::Timestamp>, field: &str| {
        reply::required(at, field).map(|at| Timestamp::from_micros(time::to_micros(&at)))
    };
    let from = wrong.take(instant(message.from_time, "from_time"));
    let until = wrong.take(instant(message.until_time, "until_time"));
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        let en = "does not lie after from_time";
        wrong.push(Violation::new(
            "until_time",
            "END_BEFORE_START",
            "应晚于from_time",
            en,
        ));
    }
    for (field, text, most) in [("source", &message.source, 100), ("reason", &message.reason, 200)] {
        wrong.take(reply::text(text, field, most));
    }
    wrong.finish()?;
    // Both are there: what was missing has been refused.
    Ok(Span {
        source: message.source,
        from: from.unwrap_or(Timestamp::MIN),
        until: until.unwrap_or(Timestamp::MIN),
        reason: message.reason.trim().to_owned(),
    })
}

impl From<Undone> for wire::RollBackFeedResponse {
    fn from(undone: Undone) -> Self {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            subjects: count(undone.subjects),
            retracted: count(undone.retracted),
            restated: count(undone.restated),
            redecided: count(undone.redecided),
            in_force: !undone.pending,
        }
    }
}

#[tonic::async_trait]
impl RollbackService for Rollbacks {
    async fn roll_back_feed(
        &self,
        request: Request<wire::RollBackFeedRequest>,
    ) -> Result<Response<wire::RollBackFeedResponse>, Status> {
        reply::answer(self.roll_back(request).await)
    }
}
