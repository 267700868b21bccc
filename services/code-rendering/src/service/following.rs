//! What direct calls missed: risk-rules' log, read on from where this service stands.

#[cfg(feature = "failpoints")]
use lutong_failpoint::Broken;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1::{Event, event};
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use prost::Message as _;

use super::codes::Codes;
use crate::domain::code::Code;
use crate::events::decided;

pub struct Decided(Codes);

impl Decided {
    pub const fn new(codes: Codes) -> Self {
        Self(codes)
    }
}

#[async_trait::async_trait]
impl EventHandler for Decided {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut decided = Vec::with_capacity(events.len());
        for stored in events {
            decided.extend(decision_in(&stored).map_err(|reason| {
                tracing::error!(
                    sequence = stored.sequence,
                    reason,
                    "an event of risk-rules cannot be read"
                );
                Fault::internal()
            })?);
        }
        #[cfg(feature = "failpoints")]
        if lutong_failpoint::broken(Broken::PositionAlone) {
            decided.clear();
        }
        self.0.apply_now(decided, Some(position)).await?;
        Ok(())
    }
}

/// Events of a later version of the contract that mean nothing here are passed over.
fn decision_in(stored: &StoredEvent) -> Result<Option<Code>, String> {
    let event = Event::decode(&*stored.payload).map_err(|error| error.to_string())?;
    let Some(event::Payload::DecisionMade(made)) = event.payload else {
        return Ok(None);
    };
    let decision = made.decision.ok_or("there is no decision in it")?;
    decided::code(&decision)
        .map(Some)
        .map_err(|wrong| format!("{}: {}", wrong.field, wrong.en))
}
