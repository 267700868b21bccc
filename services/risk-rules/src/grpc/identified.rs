//! Identity's log, read over its contract.

use std::time::Duration;

use lutong_chassis::MeshChannel;
use lutong_chassis::client::{self, Call};
use lutong_chassis::outbox::{EventSource, StoredEvent};
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1::ListEventsRequest;
use lutong_proto::identity::v1::event_log_service_client::EventLogServiceClient;
use prost::Message as _;

const WITHIN: Duration = Duration::from_secs(5);

pub struct IdentityLog(MeshChannel);

impl IdentityLog {
    pub const fn new(channel: MeshChannel) -> Self {
        Self(channel)
    }
}

#[async_trait::async_trait]
impl EventSource for IdentityLog {
    async fn list_events(&self, after: i64, limit: u32) -> Result<Vec<StoredEvent>, Fault> {
        let request = Call::background(WITHIN).request(ListEventsRequest {
            after_sequence: after,
            page_size: i32::try_from(limit).unwrap_or(i32::MAX),
        });
        let answer = EventLogServiceClient::new(self.0.clone())
            .list_events(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?;
        let events = answer.into_inner().events.into_iter().map(|event| StoredEvent {
            sequence: event.sequence,
            payload: event.encode_to_vec(),
        });
        Ok(events.collect())
    }
}
