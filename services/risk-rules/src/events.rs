//! Messages about decisions: for code-rendering, and for the event log.

use lutong_proto::risk_rules::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;

use crate::decisions::domain::Decision;

/// The form in which a decision is delivered to code-rendering.
pub fn applied(decision: &Decision) -> wire::AppliedDecision {
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
pub fn decision_made(decision: &Decision) -> wire::Event {
    wire::Event {
        sequence: 0,
        subject_id: decision.subject.to_string(),
        create_time: Some(time::from_micros(decision.content.evaluated_at.micros())),
        payload: Some(wire::event::Payload::DecisionMade(wire::DecisionMade {
            decision: Some(applied(decision)),
        })),
    }
}
