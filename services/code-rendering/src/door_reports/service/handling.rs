//! Officers take reports and close them.

use futures::FutureExt as _;
use lutong_chassis::skin::Mutation;
use lutong_kernel::{DoorReportId, Fault};
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::{DoorReports, View, etag};
use crate::door_reports::domain::{Action, DoorReport, Outcome, Step};
use crate::door_reports::store::{self, head};
use crate::fault::doors as fault;

/// What an officer does with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    Acknowledge,
    Close(Outcome),
}

impl Handling {
    const fn action(self) -> Action {
        match self {
            Self::Acknowledge => Action::Acknowledge,
            Self::Close(_) => Action::Close,
        }
    }

    /// Changes a report in whose state it is possible.
    fn apply(self, report: &mut DoorReport, step: Step) {
        match self {
            Self::Acknowledge => report.acknowledged = Some(step),
            Self::Close(outcome) => report.closed = Some((step, outcome)),
        }
    }
}

impl DoorReports {
    /// An action of an officer on a report of the division of the permit; `seen` is the tag of the state that the officer has seen.
    pub async fn handle(
        &self,
        call: Mutation<DivisionPermit>,
        id: DoorReportId,
        seen: String,
        handling: Handling,
    ) -> Result<View, Fault> {
        let now = self.clock.now();
        let (permit, request) = (call.permit, call.request);
        let account = call.grant.principal().account.clone();
        let handled = self.database.write(move |transaction| {
            async move {
                let found = store::lock(transaction, permit, id).await?;
                let mut report = found.ok_or_else(fault::door_report_not_found)?;
                let claim = idempotency::claim(transaction, &request, id.uuid().as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(None);
                }
                let state = report.state();
                etag(&report).check(&seen, state.into_str())?;
                let from = handling.action().from();
                if state != from {
                    return Err(reply::wrong_state(state.into_str(), &[from.into_str()]));
                }
                handling.apply(&mut report, Step { account, at: now });
                report.sequence = head::next_sequence(transaction).await?;
                store::save(transaction, &report).await?;
                Ok(Some(report.sequence))
            }
            .boxed()
        });
        if let Some(sequence) = handled.await? {
            self.wake(sequence);
        }
        self.get(permit, id).await
    }
}
