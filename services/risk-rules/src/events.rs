//! What this service tells of a decision: to code-rendering at once, and in its log.

use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;

use crate::store::decisions::StoredDecision;

pub fn applied(decision: &StoredDecision) -> wire::AppliedDecision {
    wire::AppliedDecision {
        decision_id: decision.id.to_string(),
        subject_id: decision.subject.to_string(),
        colour: Colour::from(decision.content.colour).into(),
        version: decision.version,
        evaluate_time: Some(time::from_micros(decision.content.evaluated_at.micros())),
        next_change_time: decision
            .content
            .next_change_at
            .map(|at| time::from_micros(at.micros())),
    }
}

/// The event of a decision, without its sequence.
pub fn decision_made(decision: &StoredDecision) -> wire::Event {
    wire::Event {
        sequence: 0,
        subject_id: decision.subject.to_string(),
        create_time: Some(time::from_micros(decision.content.evaluated_at.micros())),
        payload: Some(wire::event::Payload::DecisionMade(wire::DecisionMade {
            decision: Some(applied(decision)),
        })),
    }
}
