//! Decisions whose next change is due.

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::pause;
use lutong_kernel::{Clock, Fault, SubjectId};
use lutong_storage::Database;
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use super::redeciding::Redecider;
use crate::subjects::store as subjects;

/// Interval between two queries. Meanwhile code-rendering shows no overdue green code.
const INTERVAL: Duration = Duration::from_millis(500);
/// Number of subjects in one transaction.
const PAGE: u64 = 500;
/// Deadline of a call to code-rendering.
const DEADLINE: Duration = Duration::from_secs(5);

/// Decides again about subjects whose next change is due.
pub struct DueDecisions {
    database: Database,
    clock: Arc<dyn Clock>,
    redecider: Redecider,
    delivery: Delivery,
}

impl DueDecisions {
    pub const fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        redecider: Redecider,
        delivery: Delivery,
    ) -> Self {
        Self {
            database,
            clock,
            redecider,
            delivery,
        }
    }

    /// Runs until `stop`. Several replicas may run it: rows are locked, and a subject that was decided is no longer due.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            match self.decide_page().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(fault) => tracing::warn!(%fault, "due decisions wait; they are tried again"),
            }
            if pause(INTERVAL, &stop).await {
                return;
            }
        }
    }

    async fn decide_page(&self) -> Result<usize, Fault> {
        let now = self.clock.now();
        let mut due: Vec<SubjectId> = subjects::due(self.database.reader(), now, PAGE).await?;
        if due.is_empty() {
            return Ok(0);
        }
        due.sort_unstable();
        let count = due.len();
        let made = self.redecider.redecide(due).await?;
        self.delivery
            .bring_into_force(&Call::background(DEADLINE), &made)
            .await;
        Ok(count)
    }
}
