//! Follows the log of identity, which has the bindings that direct calls did not deliver.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1::Event;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use prost::Message as _;

use super::Bindings;
use crate::bindings::domain::BindingCopy;
use crate::events;

/// Takes in the bindings in events of identity.
pub struct BindingFollower(Bindings);

impl BindingFollower {
    pub const fn new(bindings: Bindings) -> Self {
        Self(bindings)
    }
}

#[async_trait::async_trait]
impl EventHandler for BindingFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut copies = Vec::new();
        for stored in events {
            let copy = binding_in(&stored);
            copies.extend(copy.map_err(|reason| stored.unreadable(ServiceName::Identity, &reason))?);
        }
        self.0.apply(copies, Some(position)).await?;
        Ok(())
    }
}

/// The binding in an event. Events of other kinds are ignored.
fn binding_in(stored: &StoredEvent) -> Result<Option<BindingCopy>, String> {
    let event = Event::decode(&*stored.payload).map_err(|error| error.to_string())?;
    let copy = events::changed_binding(&event).transpose();
    copy.map_err(|wrong| format!("{}: {}", wrong.field, wrong.en))
}
