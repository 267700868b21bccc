//! The events of this service.

use lutong_kernel::{DivisionCode, SubjectId, Timestamp};
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::{Event, SubjectMerged, SubjectPlaced, SubjectUnmerged};
use lutong_storage::outbox::NewEvent;
use prost::Message as _;

/// What an event says about a subject.
#[derive(Debug, Clone, Copy)]
pub enum SubjectChange {
    Merged { into: SubjectId, version: i64 },
    Unmerged { version: i64 },
    Placed(DivisionCode),
}

/// An event to append. The relay assigns its sequence after the commit.
pub fn event(subject: SubjectId, at: Timestamp, change: SubjectChange) -> NewEvent {
    let payload = match change {
        SubjectChange::Merged { into, version } => Payload::SubjectMerged(SubjectMerged {
            into_subject_id: into.to_string(),
            version,
        }),
        SubjectChange::Unmerged { version } => Payload::SubjectUnmerged(SubjectUnmerged { version }),
        SubjectChange::Placed(division) => Payload::SubjectPlaced(SubjectPlaced {
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
