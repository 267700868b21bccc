//! Background work in rounds: what is due is taken in pieces, until there is no more.

use std::sync::Arc;
use std::time::Duration;

use lutong_chassis::Foundation;
use lutong_kernel::Fault;
use tokio::sync::Notify;

/// How often what was put off is looked for; what is new is done at once.
const INTERVAL: Duration = Duration::from_secs(2);

/// Runs rounds until the process stops: one after the other while each does `full` of them or more, then when the bell is rung or after an
/// interval. `what` says in the log what waits for the next round.
pub async fn run<R>(
    foundation: Foundation,
    bell: Arc<Notify>,
    full: u64,
    what: &'static str,
    round: impl Fn() -> R + Send,
) where
    R: Future<Output = Result<u64, Fault>> + Send,
{
    // Also amid a backlog, whose rounds follow one another without a pause.
    while !foundation.stop.is_cancelled() {
        match round().await {
            Ok(done) if done >= full => continue,
            Ok(_) => {}
            Err(fault) => tracing::warn!(%fault, "{what} wait for the next round"),
        }
        tokio::select! {
            () = foundation.stop.cancelled() => {}
            () = bell.notified() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
