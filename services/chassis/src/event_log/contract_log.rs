//! Another service's log, read over its contract's `ListEvents`.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use prost::Message;
use tonic::Status;

use super::EventListing;
use lutong_storage::outbox::{EventPage, EventSource, StoredEvent};
use lutong_transport::client::{self, Call};

const TIMEOUT: Duration = Duration::from_secs(5);

/// A producer's log as an [`EventSource`], parameterised by the event type, its sequence field and the RPC.
pub struct ContractLog<E, L> {
    producer: ServiceName,
    sequence: fn(&E) -> i64,
    list: L,
}

impl<E, L> ContractLog<E, L> {
    /// `list` calls `ListEvents` with a cursor and a page size.
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
    F: Future<Output = Result<EventListing<E>, Status>> + Send,
{
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let listed = (self.list)(Call::background(TIMEOUT), cursor.to_owned(), limit).await;
        let listing = listed.map_err(|status| client::relay(&status, self.producer, ""))?;
        let stored = listing.events.iter().map(|event| StoredEvent {
            sequence: (self.sequence)(event),
            payload: event.encode_to_vec(),
        });
        Ok(EventPage {
            events: stored.collect(),
            next_cursor: listing.next_cursor,
            head: listing.head,
        })
    }
}

/// Follows `EventLogService` of one package of the contract: `contract_log!(identity, Identity)` makes `log`, which reads
/// that service's log over a channel.
#[macro_export]
macro_rules! contract_log {
    ($package:ident, $producer:ident) => {
        use lutong_proto::$package::v1 as wire;

        pub fn log(
            channel: lutong_transport::client::MeshChannel,
        ) -> impl lutong_storage::outbox::EventSource {
            let sequence = |event: &wire::Event| event.sequence;
            let list = move |call: lutong_transport::client::Call, cursor, page_size| {
                let request = call.request(wire::ListEventsRequest { cursor, page_size });
                let mut log = wire::event_log_service_client::EventLogServiceClient::new(channel.clone());
                async move {
                    let listing = log.list_events(request).await?.into_inner();
                    Ok($crate::event_log::EventListing {
                        events: listing.events,
                        next_cursor: listing.next_cursor,
                        head: listing.head_sequence,
                    })
                }
            };
            $crate::event_log::ContractLog::new(lutong_kernel::ServiceName::$producer, sequence, list)
        }
    };
}
