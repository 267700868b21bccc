//! The wait between two rounds of background work.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Waits; `true` if stopped.
pub async fn pause(duration: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(duration) => false,
        () = stop.cancelled() => true,
    }
}
