//! This service's log, for its followers.

use lutong_chassis::outbox::Outbox;
use lutong_chassis::reply;
use lutong_kernel::Fault;
use lutong_proto::risk_rules::v1::event_log_service_server::EventLogService;
use lutong_proto::risk_rules::v1::{Event, ListEventsRequest, ListEventsResponse};
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub struct EventLog(Outbox);

impl EventLog {
    pub const fn new(outbox: Outbox) -> Self {
        Self(outbox)
    }

    async fn list(&self, request: Request<ListEventsRequest>) -> Result<ListEventsResponse, Fault> {
        reply::grant(&request)?.any()?;
        let asked = request.into_inner();
        let number = |event: &mut Event, sequence| event.sequence = sequence;
        let events = self.0.page(asked.after_sequence, asked.page_size, number).await?;
        Ok(ListEventsResponse { events })
    }
}

#[tonic::async_trait]
impl EventLogService for EventLog {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        reply::answer(self.list(request).await)
    }
}
