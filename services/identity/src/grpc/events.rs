//! This service's log: what it tells, and how its followers read it.

use lutong_chassis::outbox::{NewEvent, Outbox};
use lutong_chassis::reply;
use lutong_kernel::{DivisionCode, Fault, SubjectId, Timestamp};
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::event_log_service_server::EventLogService;
use lutong_proto::identity::v1::{
    Event, ListEventsRequest, ListEventsResponse, SubjectMerged, SubjectPlaced, SubjectUnmerged,
};
use prost::Message as _;
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

/// What this service tells of a subject.
#[derive(Debug, Clone, Copy)]
pub enum Happened {
    Merged { into: SubjectId, version: i64 },
    Unmerged { version: i64 },
    Placed(DivisionCode),
}

/// An event to append; its sequence is given after the commit.
pub fn event(subject: SubjectId, at: Timestamp, happened: Happened) -> NewEvent {
    let payload = match happened {
        Happened::Merged { into, version } => Payload::SubjectMerged(SubjectMerged {
            into_subject_id: into.to_string(),
            version,
        }),
        Happened::Unmerged { version } => Payload::SubjectUnmerged(SubjectUnmerged { version }),
        Happened::Placed(division) => Payload::SubjectPlaced(SubjectPlaced {
            division: division.to_string(),
        }),
    };
    let event = Event {
        sequence: 0,
        subject_id: subject.to_string(),
        create_time: Some(lutong_proto::time::from_micros(at.micros())),
        payload: Some(payload),
    };
    NewEvent {
        subject: Some(subject),
        payload: event.encode_to_vec(),
    }
}
