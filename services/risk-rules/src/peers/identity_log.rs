//! Identity's log, read over its contract.

use lutong_chassis::MeshChannel;
use lutong_chassis::client::Call;
use lutong_chassis::outbox::{ContractLog, EventSource, Told};
use lutong_kernel::ServiceName;
use lutong_proto::identity::v1::event_log_service_client::EventLogServiceClient;
use lutong_proto::identity::v1::{Event, ListEventsRequest};

pub fn identity_log(channel: MeshChannel) -> impl EventSource {
    let sequence = |event: &Event| event.sequence;
    ContractLog::new(
        ServiceName::Identity,
        sequence,
        move |call: Call, cursor, page_size| {
            let request = call.request(ListEventsRequest { cursor, page_size });
            let mut log = EventLogServiceClient::new(channel.clone());
            async move {
                let told = log.list_events(request).await?.into_inner();
                Ok(Told {
                    events: told.events,
                    next_cursor: told.next_cursor,
                    head: told.head_sequence,
                })
            }
        },
    )
}
