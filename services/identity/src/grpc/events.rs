//! This service's log: what it tells, and how its followers read it.

use lutong_chassis::access::AnyPermit;
use lutong_chassis::outbox::{NewEvent, Outbox};
use lutong_chassis::skin::Following;
use lutong_kernel::{DivisionCode, Fault, SubjectId, Timestamp};
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::{
    Event, ListEventsRequest, ListEventsResponse, SubjectMerged, SubjectPlaced, SubjectUnmerged,
};
use lutong_skin::identity::v1::EventLogHandler;
use prost::Message as _;

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
