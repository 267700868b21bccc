//! The events of this service.

use lutong_kernel::{DivisionCode, MissingProof, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1::AppliedBinding;
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::{
    BindingActivated, BindingEnded, Event, RegistrationDecided, SubjectMerged, SubjectPlaced, SubjectUnmerged,
};
use lutong_proto::types::v1 as types;
use lutong_storage::outbox::NewEvent;
use prost::Message as _;
use uuid::Uuid;

use crate::bindings::domain::{Binding, State};

/// What an event says about a subject.
#[derive(Debug, Clone, Copy)]
pub enum SubjectChange {
    Merged { into: SubjectId, version: i64 },
    Unmerged { version: i64 },
    Placed(DivisionCode),
}

/// The event that a registration was decided: linked to a subject, waiting for another proof, or neither, which is refused.
pub fn registration_decided(
    registration: Uuid,
    subject: Option<SubjectId>,
    missing: Option<MissingProof>,
    at: Timestamp,
) -> NewEvent {
    let event = Event {
        sequence: 0,
        subject_id: subject.map(|subject| subject.to_string()).unwrap_or_default(),
        create_time: Some(lutong_proto::time::from_micros(at.micros())),
        payload: Some(Payload::RegistrationDecided(RegistrationDecided {
            registration_id: registration.to_string(),
            waiting_for: missing.map_or(0, |missing| types::MissingProof::from(missing).into()),
        })),
    };
    NewEvent {
        subject,
        payload: event.encode_to_vec(),
    }
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

impl Binding {
    /// The binding for code-rendering; `None` before it was active, when it has no ward.
    pub fn applied(&self) -> Option<AppliedBinding> {
        Some(AppliedBinding {
            binding_id: self.id.to_string(),
            binder_subject_id: self.binder.to_string(),
            ward_subject_id: self.ward?.to_string(),
            version: self.version(),
            active: self.state == State::Active,
        })
    }
}

/// The event that a binding is active, or ends; `None` before it was active. It is in the order of the ward's events.
pub fn binding_changed(binding: &Binding, at: Timestamp) -> Option<NewEvent> {
    let ward = binding.ward?;
    let (binding_id, binder_subject_id) = (binding.id.to_string(), binding.binder.to_string());
    let version = binding.version();
    let payload = if binding.state == State::Active {
        Payload::BindingActivated(BindingActivated {
            binding_id,
            binder_subject_id,
            version,
        })
    } else {
        Payload::BindingEnded(BindingEnded {
            binding_id,
            binder_subject_id,
            version,
        })
    };
    let event = Event {
        sequence: 0,
        subject_id: ward.to_string(),
        create_time: Some(lutong_proto::time::from_micros(at.micros())),
        payload: Some(payload),
    };
    Some(NewEvent {
        subject: Some(ward),
        payload: event.encode_to_vec(),
    })
}
