//! Decisions whose next change has come.

use std::time::Duration;

use lutong_kernel::{Fault, SubjectId};
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;

use super::deciding::Decider;
use crate::store::subjects;

/// Between two looks. Code-rendering shows no overdue green meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Subjects decided anew at once.
const AT_ONCE: u64 = 500;
const WITHIN: Duration = Duration::from_secs(5);

/// Decides anew what is due, until `stop`. Any number of replicas may: rows are held, and what is done is not due.
pub async fn decide_due(decider: Decider, stop: CancellationToken) {
    loop {
        match decide_page(&decider).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(fault) => tracing::warn!(%fault, "due decisions wait; they are tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn decide_page(decider: &Decider) -> Result<usize, Fault> {
    let now = decider.clock.now();
    let mut due: Vec<SubjectId> = subjects::due(decider.database.reader(), now, AT_ONCE).await?;
    if due.is_empty() {
        return Ok(0);
    }
    due.sort_unstable();
    let count = due.len();
    let made = decider.redecide(due).await?;
    decider.bring_into_force(&Call::background(WITHIN), &made).await;
    Ok(count)
}
