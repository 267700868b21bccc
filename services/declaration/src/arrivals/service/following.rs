//! Lists arrivals under the divisions of their destinations: this service follows its own log, whose order is that of the lists.

use futures::FutureExt as _;
use lutong_kernel::id::IdError;
use lutong_kernel::{ApplicationId, DivisionCode, Fault};
use lutong_proto::declaration::v1::event::Payload;
use lutong_proto::declaration::v1::{DeclarationAccepted, Event};
use lutong_storage::Database;
use lutong_storage::outbox::{
    EventHandler, EventPage, EventSource, LogPosition, Outbox, Position, StoredEvent,
};
use prost::Message as _;
use uuid::Uuid;

use crate::arrivals::domain::enclosing;
use crate::arrivals::store::{self, ArrivalKey};

/// The own log as a source. A cursor is the 16 bytes of a position, written as a UUID.
pub struct OwnLog(pub Outbox);

#[async_trait::async_trait]
impl EventSource for OwnLog {
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        let damaged = || Fault::internal(format_args!("{cursor:?} is no cursor of the own log"));
        let position = if cursor.is_empty() {
            LogPosition::default()
        } else {
            let bytes: Uuid = cursor.parse().map_err(|_| damaged())?;
            LogPosition::read(bytes.as_bytes()).ok_or_else(damaged)?
        };
        let page = self.0.read_after(position, limit).await?;
        let next = Uuid::from_slice(&page.next.to_bytes()).map_err(|_| damaged())?;
        Ok(EventPage {
            events: page.events,
            next_cursor: next.to_string(),
            head: page.head,
        })
    }
}

/// Lists arrivals by division.
#[derive(Debug)]
pub struct ArrivalFollower(pub Database);

#[async_trait::async_trait]
impl EventHandler for ArrivalFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut arrivals = Vec::new();
        for stored in events {
            let sequence = stored.sequence;
            let unreadable = |error: &dyn std::fmt::Display| {
                Fault::internal(format_args!("the own event {sequence} cannot be read: {error}"))
            };
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            let Some(Payload::DeclarationAccepted(accepted)) = &event.payload else {
                continue;
            };
            if accepted.destination_division.is_empty() {
                continue;
            }
            let division = DivisionCode::parse(&accepted.destination_division);
            let division = division.map_err(|error| unreadable(&error))?;
            let key = ArrivalKey {
                subject: event
                    .subject_id
                    .parse()
                    .map_err(|error: IdError| unreadable(&error))?,
                declaration: id_of(accepted).ok_or_else(|| unreadable(&"a name without id"))?,
                sequence,
            };
            arrivals.push((key, enclosing(division)));
        }
        let listed = self.0.write(move |transaction| {
            async move {
                store::insert(transaction, &arrivals).await?;
                position.advance(transaction).await?;
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        listed.await
    }
}

fn id_of(accepted: &DeclarationAccepted) -> Option<ApplicationId> {
    accepted.declaration.split_once('/')?.1.parse().ok()
}
