//! Follows the log of identity, which has the bindings that direct calls did not deliver, and where people live.

use std::collections::BTreeMap;

use lutong_kernel::{DivisionCode, Fault, ServiceName, SubjectId, Violation};
use lutong_proto::identity::v1::Event;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use prost::Message as _;

use super::Bindings;
use crate::bindings::domain::BindingCopy;
use crate::events;

/// Takes in the bindings and homes in events of identity.
pub struct BindingFollower(Bindings);

impl BindingFollower {
    pub const fn new(bindings: Bindings) -> Self {
        Self(bindings)
    }
}

#[async_trait::async_trait]
impl EventHandler for BindingFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let (mut copies, mut homes) = (Vec::new(), BTreeMap::new());
        for stored in events {
            let (copy, home) =
                read(&stored).map_err(|reason| stored.unreadable(ServiceName::Identity, &reason))?;
            copies.extend(copy);
            homes.extend(home);
        }
        self.0.follow(copies, homes, position).await
    }
}

/// Where somebody lives.
type Home = (SubjectId, DivisionCode);

/// The binding, or the home, in an event. Events of other kinds are ignored.
fn read(stored: &StoredEvent) -> Result<(Option<BindingCopy>, Option<Home>), String> {
    let event = Event::decode(&*stored.payload).map_err(|error| error.to_string())?;
    let wrong = |wrong: Violation| format!("{}: {}", wrong.field, wrong.en);
    let copy = events::changed_binding(&event).transpose().map_err(wrong)?;
    let home = events::changed_home(&event).transpose().map_err(wrong)?;
    Ok((copy, home))
}
