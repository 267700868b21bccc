//! What this service tells in its log.

use lutong_kernel::{DivisionCode, SubjectId, Timestamp};
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::{Event, SubjectMerged, SubjectPlaced, SubjectUnmerged};
use lutong_storage::outbox::NewEvent;
use prost::Message as _;

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
