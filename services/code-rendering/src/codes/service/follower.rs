//! Follows the log of risk-rules, which has the decisions that direct calls did not deliver.

use lutong_failpoint::Broken;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::risk_rules::v1::{Event, event};
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use prost::Message as _;

use super::Codes;
use crate::codes::domain::Code;
use crate::events;

/// Applies the decisions in events of risk-rules.
pub struct DecisionFollower(Codes);

impl DecisionFollower {
    pub const fn new(codes: Codes) -> Self {
        Self(codes)
    }
}

#[async_trait::async_trait]
impl EventHandler for DecisionFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut decided = Vec::with_capacity(events.len());
        for stored in events {
            let code = decision_in(&stored);
            decided.extend(code.map_err(|reason| stored.unreadable(ServiceName::RiskRules, &reason))?);
        }
        if lutong_failpoint::broken(Broken::PositionAlone) {
            decided.clear();
        }
        self.0.apply_now(decided, Some(position)).await?;
        Ok(())
    }
}

/// The decision in an event. Events of other kinds, which a later version of the contract may have, are ignored.
fn decision_in(stored: &StoredEvent) -> Result<Option<Code>, String> {
    let event = Event::decode(&*stored.payload).map_err(|error| error.to_string())?;
    let Some(event::Payload::DecisionMade(made)) = event.payload else {
        return Ok(None);
    };
    let decision = made.decision.ok_or("there is no decision in it")?;
    events::decided_code(&decision)
        .map(Some)
        .map_err(|wrong| format!("{}: {}", wrong.field, wrong.en))
}
