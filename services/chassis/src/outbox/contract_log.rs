//! Another service's log, read over its contract's `ListEvents`.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use prost::Message;
use tonic::Status;

use super::{EventPage, EventSource, StoredEvent, Told};
use crate::client::{self, Call};

const WITHIN: Duration = Duration::from_secs(5);

/// What differs from contract to contract: the event's type, where it has its sequence, and the call.
pub struct ContractLog<E, L> {
    producer: ServiceName,
    sequence: fn(&E) -> i64,
    list: L,
}

impl<E, L> ContractLog<E, L> {
    /// `list` asks for the events after a cursor, at most so many.
    pub const fn new(producer: ServiceName, sequence: fn(&E) -> i64, list: L) -> Self {
        Self {
            producer,
            sequence,
            list,
        }
    }
}

#[async_trait::async_trait]
impl<E, L, F> EventSource for ContractLog<E, L>
where
    E: Message,
    L: Fn(Call, String, i32) -> F + Send + Sync,
    F: Future<Output = Result<Told<E>, Status>> + Send,
{
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let listed = (self.list)(Call::background(WITHIN), cursor.to_owned(), limit).await;
        let told = listed.map_err(|status| client::relay(&status, self.producer, ""))?;
        let stored = told.events.iter().map(|event| StoredEvent {
            sequence: (self.sequence)(event),
            payload: event.encode_to_vec(),
        });
        Ok(EventPage {
            events: stored.collect(),
            next_cursor: told.next_cursor,
            head: told.head,
        })
    }
}
