//! Deletes what was closed long ago, and who was signed in when no scan can be reported any more.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, pause};
use lutong_kernel::Fault;

use super::DoorReports;
use crate::door_reports::store;
use crate::staff_sign_ins::store as staff_sign_ins;

/// Interval of the rounds.
const ROUND_EVERY: Duration = Duration::from_secs(3_600);
/// Rows of one transaction: writers of reports wait for no more.
const BATCH: u64 = 500;

impl DoorReports {
    /// Deletes in rounds, the first of them at once.
    pub async fn delete_old(self, foundation: Foundation) {
        loop {
            if let Err(fault) = self.delete_old_once().await {
                tracing::warn!(%fault, "closed door reports are deleted with the next round");
            }
            if pause(ROUND_EVERY, &foundation.stop).await {
                return;
            }
        }
    }

    async fn delete_old_once(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let closed_before = now.minus(self.policy.keep_closed());
        loop {
            let deleted: u64 = self
                .database
                .write(move |transaction| {
                    async move {
                            Ok::<_, Fault>(store::delete_closed(transaction, closed_before, BATCH).await?)
                        }
                        .boxed()
                })
                .await?;
            if deleted < BATCH {
                break;
            }
        }
        let over_before = now.minus(self.policy.report_within());
        self.database
            .write(move |transaction| {
                async move { Ok::<_, Fault>(staff_sign_ins::delete_before(transaction, over_before).await?) }
                    .boxed()
            })
            .await?;
        Ok(())
    }
}
