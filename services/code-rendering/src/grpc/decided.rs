//! Risk-rules' log, read over its contract.

use lutong_chassis::MeshChannel;
use lutong_chassis::client::Call;
use lutong_chassis::outbox::{ContractLog, EventSource};
use lutong_kernel::ServiceName;
use lutong_proto::risk_rules::v1::event_log_service_client::EventLogServiceClient;
use lutong_proto::risk_rules::v1::{Event, ListEventsRequest};

pub fn decision_log(channel: MeshChannel) -> impl EventSource {
    let sequence = |event: &Event| event.sequence;
    ContractLog::new(
        ServiceName::RiskRules,
        sequence,
        move |call: Call, after_sequence, page_size| {
            let request = call.request(ListEventsRequest {
                after_sequence,
                page_size,
            });
            let mut log = EventLogServiceClient::new(channel.clone());
            async move { Ok(log.list_events(request).await?.into_inner().events) }
        },
    )
}
