//! This service's log, for its followers.

use lutong_chassis::outbox::Outbox;
use lutong_chassis::reply;
use lutong_kernel::{Fault, Violation};
use lutong_proto::risk_rules::v1::event_log_service_server::EventLogService;
use lutong_proto::risk_rules::v1::{Event, ListEventsRequest, ListEventsResponse};
use prost::Message as _;
use tonic::{Request, Response, Status};

/// Events in one answer.
const PAGE: u32 = 500;

#[derive(Clone)]
pub struct EventLog(Outbox);

impl EventLog {
    pub const fn new(outbox: Outbox) -> Self {
        Self(outbox)
    }

    async fn list(&self, request: Request<ListEventsRequest>) -> Result<ListEventsResponse, Fault> {
        reply::grant(&request)?.any()?;
        let ListEventsRequest {
            after_sequence,
            page_size,
        } = request.into_inner();
        let out_of_range =
            |field: &str, en: &str| reply::wrong(Violation::new(field, "PAGE_RANGE", "分页参数超出范围", en));
        if after_sequence < 0 {
            return Err(out_of_range("after_sequence", "is not negative"));
        }
        let page = u32::try_from(page_size).ok().filter(|page| *page <= PAGE);
        let page = page.ok_or_else(|| out_of_range("page_size", "lies between 0 and 500"))?;
        let stored = self
            .0
            .list(after_sequence, if page == 0 { PAGE } else { page })
            .await?;
        let mut events = Vec::with_capacity(stored.len());
        for one in stored {
            let mut event = Event::decode(&*one.payload).map_err(|error| {
                tracing::error!(sequence = one.sequence, %error, "a stored event cannot be read");
                Fault::internal()
            })?;
            event.sequence = one.sequence;
            events.push(event);
        }
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
