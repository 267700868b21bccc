//! Seals each day when it is over.

use std::time::Duration;

use lutong_kernel::LocalDay;
use lutong_operating::pause::pause;
use tokio_util::sync::CancellationToken;

use super::log::AuditLog;
use lutong_storage::StorageError;

/// Pause after a day's end before it is sealed.
const GRACE: Duration = Duration::from_secs(600);
/// Interval of checking the clock.
const POLL_EVERY: Duration = Duration::from_secs(5);

impl AuditLog {
    /// Seals each day once it is over, until `stop`. A day that was missed because no replica ran is covered by the
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
            if pause(POLL_EVERY, &stop).await {
                return;
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
