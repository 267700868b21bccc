//! What other services publish, as the wire carries it: a decision of risk-rules and a binding of identity, each in a direct call and
//! in an event of a log. And what this service publishes.

use lutong_kernel::{DivisionCode, SubjectId, Timestamp, Violation};
use lutong_proto::code_rendering::v1::event::Payload as OwnPayload;
use lutong_proto::code_rendering::v1::{AppliedBinding, CodeChanged, Event};
use lutong_proto::identity::v1::Event as IdentityEvent;
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::risk_rules::v1::AppliedDecision;
use lutong_proto::time::{instant, timestamp};
use lutong_proto::types::v1::Colour as WireColour;
use lutong_storage::outbox::NewEvent;
use lutong_transport::reply;
use prost::Message as _;

use crate::bindings::domain::BindingCopy;
use crate::codes::domain::Code;
use crate::fault;
use crate::fault::doors;

/// The code that a decision puts in force, or what is wrong with the message.
pub fn decided_code(decision: &AppliedDecision) -> Result<Code, Violation> {
    let AppliedDecision {
        decision_id,
        subject_id,
        colour,
        version,
        evaluate_time,
        next_change_time,
    } = decision;
    let colour = WireColour::try_from(*colour).ok().and_then(WireColour::known);
    let colour = reply::required(colour, "colour")?;
    let decision = decision_id
        .parse()
        .map_err(|error| fault::decision_id_shape(&error))?;
    let evaluated_at = reply::required(evaluate_time.as_ref().map(timestamp), "evaluate_time")?;
    Ok(Code {
        subject: reply::subject_id(subject_id, "subject_id")?,
        decision,
        colour,
        version: *version,
        evaluated_at,
        next_change_at: next_change_time.as_ref().map(timestamp),
    })
}

/// The event that a code of another colour than before is in force. The relay assigns its sequence after the commit.
pub fn code_changed(code: &Code, at: Timestamp) -> NewEvent {
    let event = Event {
        sequence: 0,
        subject_id: code.subject.to_string(),
        create_time: Some(instant(at)),
        payload: Some(OwnPayload::CodeChanged(CodeChanged {
            version: code.version,
        })),
    };
    NewEvent {
        subject: Some(code.subject),
        payload: event.encode_to_vec(),
    }
}

/// A binding, or what is wrong with the message.
pub fn applied_binding(binding: &AppliedBinding) -> Result<BindingCopy, Violation> {
    let AppliedBinding {
        binding_id,
        binder_subject_id,
        ward_subject_id,
        version,
        active,
    } = binding;
    Ok(BindingCopy {
        binding: binding_id.parse().map_err(|_| fault::binding_id_shape())?,
        binder: reply::subject_id(binder_subject_id, "binder_subject_id")?,
        ward: reply::subject_id(ward_subject_id, "ward_subject_id")?,
        version: *version,
        is_active: *active,
    })
}

/// Where an event of identity says that somebody lives; `None` for an event of another kind.
pub fn changed_home(event: &IdentityEvent) -> Option<Result<(SubjectId, DivisionCode), Violation>> {
    let Payload::SubjectPlaced(placed) = event.payload.as_ref()? else {
        return None;
    };
    let division = DivisionCode::parse(&placed.division).map_err(|error| doors::division_shape(&error));
    let subject = reply::subject_id(&event.subject_id, "subject_id");
    Some(subject.and_then(|subject| Ok((subject, division?.county()))))
}

/// The binding that an event of identity changes; `None` for an event of another kind.
pub fn changed_binding(event: &IdentityEvent) -> Option<Result<BindingCopy, Violation>> {
    let (binding_id, binder_subject_id, version, active) = match event.payload.as_ref()? {
        Payload::BindingActivated(made) => (&made.binding_id, &made.binder_subject_id, made.version, true),
        Payload::BindingEnded(ended) => (&ended.binding_id, &ended.binder_subject_id, ended.version, false),
        Payload::SubjectMerged(_)
        | Payload::SubjectUnmerged(_)
        | Payload::SubjectPlaced(_)
        | Payload::RegistrationDecided(_) => return None,
    };
    Some(applied_binding(&AppliedBinding {
        binding_id: binding_id.clone(),
        binder_subject_id: binder_subject_id.clone(),
        ward_subject_id: event.subject_id.clone(),
        version,
        active,
    }))
}
