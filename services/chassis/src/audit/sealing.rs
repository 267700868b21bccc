//! Days are sealed when they are over.

use std::time::Duration;

use lutong_kernel::LocalDay;
use tokio_util::sync::CancellationToken;

use super::log::AuditLog;
use lutong_storage::StorageError;

/// After a day's end.
const GRACE: Duration = Duration::from_secs(600);
/// Between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl AuditLog {
    /// Seals the day before today, once it is over, until `stop`. Days on which nobody was there to seal are within the
    /// next seal.
    pub async fn seal_days(self, stop: CancellationToken) {
        let mut done = None;
        loop {
            let day = self.clock.now().minus(GRACE).local_day().plus_days(-1);
            if done != Some(day) {
                match self.seal_over(day).await {
                    Ok(()) => done = Some(day),
                    Err(error) => {
                        tracing::warn!(%error, "a day of the audit log could not be sealed; it is tried again");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn seal_over(&self, day: LocalDay) -> Result<(), StorageError> {
        // Before the first record there is nothing to seal.
        if self.first().await?.is_none_or(|first| first >= day.end()) {
            return Ok(());
        }
        if self.seal(day).await? {
            tracing::info!(%day, "a day of the audit log is sealed");
        }
        Ok(())
    }
}
