//! This service's log, for those who follow it.

use lutong_chassis::access::AnyPermit;
use lutong_chassis::outbox::Outbox;
use lutong_chassis::skin::Following;
use lutong_kernel::Fault;
use lutong_proto::identity::v1::{Event, ListEventsRequest, ListEventsResponse};
use lutong_skin::identity::v1::EventLogHandler;

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
