//! A service's outbox served as `ListEvents`, and another service's log read through it.

mod contract_log;

use lutong_kernel::Fault;
use lutong_storage::outbox::{LogPosition, Outbox};
use prost::Message;

use crate::skin::{Cursor, foreign_cursor};

pub use contract_log::ContractLog;

/// The answer to a `ListEvents`.
#[derive(Debug)]
pub struct EventListing<E> {
    pub events: Vec<E>,
    pub next_cursor: String,
    /// The newest sequence of the log.
    pub head: i64,
}

/// The events after a cursor, in order. `number` sets the sequence of an event, which was assigned after the event was
/// stored.
pub async fn list_after<E: Message + Default>(
    outbox: &Outbox,
    from: &Cursor,
    number: impl Fn(&mut E, i64),
) -> Result<EventListing<E>, Fault> {
    let place = match &from.after {
        None => LogPosition::default(),
        Some(bytes) => LogPosition::read(bytes).ok_or_else(foreign_cursor)?,
    };
    let limit = u32::try_from(from.size).unwrap_or(u32::MAX);
    let page = outbox.read_after(place, limit).await?;
    let mut events = Vec::with_capacity(page.events.len());
    for stored in page.events {
        let sequence = stored.sequence;
        let mut event = E::decode(&*stored.payload).map_err(|error| {
            Fault::internal(format_args!(
                "the stored event {sequence} cannot be read: {error}"
            ))
        })?;
        number(&mut event, sequence);
        events.push(event);
    }
    Ok(EventListing {
        events,
        next_cursor: from.at(&page.next.to_bytes())?,
        head: page.head,
    })
}

/// Serves `EventLogService` of one package of the contract: `event_log_service!(identity)` makes `EventLog`.
#[macro_export]
macro_rules! event_log_service {
    ($package:ident) => {
        use lutong_proto::$package::v1 as wire;

        /// This service's log for its followers.
        pub struct EventLog(pub lutong_storage::outbox::Outbox);

        impl lutong_skin::$package::v1::EventLogHandler for EventLog {
            async fn list_events(
                &self,
                call: $crate::skin::Following<lutong_transport::access::AnyPermit>,
                _: wire::ListEventsRequest,
            ) -> Result<wire::ListEventsResponse, lutong_kernel::Fault> {
                let number = |event: &mut wire::Event, sequence| event.sequence = sequence;
                let listing = $crate::event_log::list_after(&self.0, &call.from, number).await?;
                Ok(wire::ListEventsResponse {
                    events: listing.events,
                    next_cursor: listing.next_cursor,
                    head_sequence: listing.head,
                })
            }
        }
    };
}
