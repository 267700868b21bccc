//! This service's log, for its followers.

use lutong_chassis::access::AnyPermit;
use lutong_chassis::outbox::Outbox;
use lutong_chassis::skin::Following;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1::{Event, ListEventsRequest, ListEventsResponse};
use lutong_skin::declaration::v1::EventLogHandler;

pub struct EventLog(pub Outbox);

impl EventLogHandler for EventLog {
    async fn list_events(
        &self,
        call: Following<AnyPermit>,
        _: ListEventsRequest,
    ) -> Result<ListEventsResponse, Fault> {
        let number = |event: &mut Event, sequence| event.sequence = sequence;
        let told = self.0.told(&call.from, number).await?;
        Ok(ListEventsResponse {
            events: told.events,
            next_cursor: told.next_cursor,
            head_sequence: told.head,
        })
    }
}
