//! Finishes arrivals that wait for a step: the conversion of a code, a national code, or an entry from abroad. Nothing of such an arrival has reached
//! risk-rules, and the transaction that accepts it writes the event that tells risk-rules.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use lutong_chassis::pause;
use lutong_kernel::Fault;
use lutong_transport::client::Call;
use tokio_util::sync::CancellationToken;

use super::Arrivals;
use crate::arrivals::domain::pending_step::{
    ENTRY_NOT_REPORTED, NATIONAL_CODE_UNANSWERED, PendingStep, is_abandoned, is_unanswered,
};
use crate::declarations::domain::Declaration;
use crate::declarations::service::postponed::StepOutcome;
use crate::peers::NationalAnswer;

/// Arrivals that a worker leases at once, and those of them that it tries at a time.
const CHUNK: usize = 32;
const CONCURRENT: usize = 8;
/// Deadline of a call to federation or risk-rules.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long no other worker takes a leased arrival. Longer than the calls of a chunk take.
const LEASE: Duration = Duration::from_secs(30);
/// The interval at which a worker looks for arrivals that are due.
const POLL: Duration = Duration::from_secs(1);

impl Arrivals {
    /// Tries the steps of arrivals that are due, until `stop`.
    pub async fn finish_postponed(self, stop: CancellationToken) {
        loop {
            let tried = tokio::select! {
                tried = self.try_due() => tried,
                // What was leased is taken again once the lease has expired.
                () = stop.cancelled() => return,
            };
            match tried {
                Ok(CHUNK) => continue,
                Ok(_) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "arrivals that wait could not be read; the next round tries again");
                }
            }
            if pause(POLL, &stop).await {
                return;
            }
        }
    }

    /// Tries the steps of a chunk. Returns how many were due.
    async fn try_due(&self) -> Result<usize, Fault> {
        let due = self.0.lease_postponed(LEASE, CHUNK as u64).await?;
        let count = due.len();
        let tried = stream::iter(due).for_each_concurrent(CONCURRENT, |arrival| async move {
            let outcome = self.try_step(&arrival).await;
            if let Err(fault) = self.0.settle_step(&arrival, outcome).await {
                tracing::warn!(declaration = %arrival.id, %fault, "the step of an arrival was not stored; it is tried again");
            }
        });
        tried.await;
        Ok(count)
    }

    async fn try_step(&self, arrival: &Declaration) -> StepOutcome {
        let tried = match &arrival.pending_step {
            Some(PendingStep::Conversion { token }) => self.convert(arrival, token).await,
            Some(PendingStep::Entry { .. }) => self.check_entry(arrival).await,
            Some(PendingStep::NationalCode { province }) => self.ask_platform(arrival, province).await,
            None => return StepOutcome::Unknown,
        };
        tried.unwrap_or_else(|fault| {
            tracing::info!(declaration = %arrival.id, %fault, "an arrival waits on; its step is tried again later");
            StepOutcome::Unknown
        })
    }

    /// Has federation verify the code as of the instant at which it was declared.
    async fn convert(&self, arrival: &Declaration, token: &str) -> Result<StepOutcome, Fault> {
        let call = Call::background(DEADLINE);
        let verified = self
            .0
            .peers
            .verify_partner_code(&call, token, Some(arrival.created_at))
            .await;
        match verified {
            Ok(code) => Ok(StepOutcome::Converted(Box::new(code))),
            Err(fault) if fault.reason == "PARTNER_CODE_REFUSED" => {
                let outcome = fault.metadata.into_iter().find(|(key, _)| key == "outcome");
                let outcome = outcome.map(|(_, outcome)| outcome);
                Ok(StepOutcome::Refused(
                    outcome.unwrap_or_else(|| fault.reason.into_owned()),
                ))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Has the national platform asked, for as long as it may still answer.
    async fn ask_platform(&self, arrival: &Declaration, province: &str) -> Result<StepOutcome, Fault> {
        let call = Call::background(DEADLINE);
        let answer = self.0.peers.national_code(&call, arrival.subject, province).await;
        match answer {
            Ok(NationalAnswer::Code(code)) => Ok(StepOutcome::Converted(code)),
            Ok(NationalAnswer::Refused(why)) => Ok(StepOutcome::Refused(why.into_str().to_owned())),
            _ if is_unanswered(arrival.created_at, self.0.clock.now()) => {
                Ok(StepOutcome::Refused(NATIONAL_CODE_UNANSWERED.to_owned()))
            }
            Ok(NationalAnswer::Later) => Ok(StepOutcome::Unknown),
            Err(fault) => Err(fault),
        }
    }

    async fn check_entry(&self, arrival: &Declaration) -> Result<StepOutcome, Fault> {
        let call = Call::background(DEADLINE);
        let missing = self.0.peers.check_entry(&call, arrival.subject).await?;
        Ok(if missing.is_empty() {
            StepOutcome::EntryComplete
        } else if is_abandoned(arrival.created_at, self.0.clock.now()) {
            StepOutcome::Refused(ENTRY_NOT_REPORTED.to_owned())
        } else {
            StepOutcome::EntryLacks(missing)
        })
    }
}
