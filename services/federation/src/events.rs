//! What this service publishes, as the wire carries it.

use lutong_kernel::{ConversionChangeId, Timestamp};
use lutong_proto::federation::v1::event::Payload;
use lutong_proto::federation::v1::{ConversionChanged, Event};
use lutong_proto::time::instant;
use lutong_proto::types::v1::Colour;
use lutong_storage::outbox::NewEvent;
use prost::Message as _;

use crate::conversions::domain::{Conversion, effect};

/// The event that what is said of a converted code has changed. The relay assigns its sequence after the commit.
pub fn conversion_changed(conversion: &Conversion, change_id: ConversionChangeId, at: Timestamp) -> NewEvent {
    let event = Event {
        sequence: 0,
        create_time: Some(instant(at)),
        payload: Some(Payload::ConversionChanged(ConversionChanged {
            conversion: format!("conversions/{}", conversion.id),
            change_id: change_id.to_string(),
            colour: Colour::from(effect(conversion.outcome)).into(),
            change_time: Some(instant(conversion.changed_at)),
        })),
    };
    NewEvent {
        subject: None,
        payload: event.encode_to_vec(),
    }
}
