//! Ends imports that did not end in time, and deletes old ones.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::pause;
use lutong_kernel::Fault;
use tokio_util::sync::CancellationToken;

use super::{ApplicationImports, end};
use crate::application_imports::domain::State;
use crate::application_imports::store;
use crate::fault;

/// An import is deleted this long after its end.
const KEEP_ENDED: Duration = Duration::from_secs(30 * 86_400);
/// An import that has not ended this long after its creation fails, and what waits of it is erased.
const KEEP_WAITING: Duration = Duration::from_secs(7 * 86_400);
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);

impl ApplicationImports {
    /// Ends and deletes imports by their age at an interval, until `stop`.
    pub async fn expire(self, stop: CancellationToken) {
        loop {
            match self.sweep().await {
                Ok((0, 0)) => {}
                Ok((failed, deleted)) => {
                    tracing::info!(
                        failed,
                        deleted,
                        "old imports of applications were ended and deleted"
                    );
                }
                Err(fault) => {
                    tracing::warn!(%fault, "old imports of applications could not be ended or deleted; the next sweep tries again");
                }
            }
            if pause(SWEEP_INTERVAL, &stop).await {
                return;
            }
        }
    }

    /// How many imports were ended, and how many were deleted.
    async fn sweep(&self) -> Result<(usize, u64), Fault> {
        let now = self.clock.now();
        self.database
            .write(move |transaction| {
                async move {
                    let late = store::unended(transaction, now.minus(KEEP_WAITING)).await?;
                    for id in &late {
                        end(transaction, *id, State::Failed, fault::import_expired(), now).await?;
                    }
                    let deleted = store::delete_ended(transaction, now.minus(KEEP_ENDED)).await?;
                    Ok::<_, Fault>((late.len(), deleted))
                }
                .boxed()
            })
            .await
    }
}
