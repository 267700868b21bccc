//! Reports what people declared at partners to risk-rules.

use std::time::Duration;

use lutong_kernel::Fault;
use lutong_proto::declaration::v1::FactRow;
use lutong_transport::access::{AnyPermit, FeedGrant};
use lutong_transport::client::Call;
use uuid::Uuid;

use crate::feeds::service::Feeds;
use crate::peers::{ReportOptions, RowOutcome};

/// The partner waits for the answer, and somebody for the partner's.
const DEADLINE: Duration = Duration::from_secs(3);

/// What people declared at partners; cheap to clone.
#[derive(Clone)]
pub struct PartnerDeclarations(pub Feeds);

/// What became of a declaration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    pub accepted: i64,
    pub unchanged: i64,
    pub redecided: i64,
    /// The operation that brings the rest into force.
    pub pending: Option<Uuid>,
}

impl PartnerDeclarations {
    /// Stores all rows or none.
    pub async fn append(
        &self,
        _permit: AnyPermit,
        grant: &FeedGrant,
        rows: Vec<FactRow>,
    ) -> Result<Taken, Fault> {
        let options = ReportOptions {
            all_or_nothing: true,
            operation: None,
        };
        let call = Call::background(DEADLINE);
        let reported = self.0.report(&call, grant, rows, options).await?;
        let mut taken = Taken {
            redecided: reported.redecided,
            pending: reported.pending,
            ..Taken::default()
        };
        for outcome in reported.outcomes {
            match outcome {
                RowOutcome::Stored => taken.accepted += 1,
                RowOutcome::Unchanged => taken.unchanged += 1,
                RowOutcome::Refused(_) => {
                    return Err(Fault::internal(
                        "risk-rules stored a declaration of which it refused a part",
                    ));
                }
            }
        }
        Ok(taken)
    }
}
