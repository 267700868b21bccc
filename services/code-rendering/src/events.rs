//! A decision of risk-rules as the wire carries it, in `ApplyDecisions` and in an event of its log.

use lutong_kernel::{Timestamp, Violation};
use lutong_proto::risk_rules::v1::AppliedDecision;
use lutong_proto::time;
use lutong_proto::types::v1::Colour as WireColour;
use lutong_transport::reply;

use crate::codes::domain::Code;

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
    let instant = |time: &_| Timestamp::from_micros(time::to_micros(time));
    let decision = decision_id.parse().map_err(|error: lutong_kernel::id::IdError| {
        Violation::new(
            "decision_id",
            "DECISION_ID_SHAPE",
            "决定编号应为小写UUID",
            error.to_string(),
        )
    })?;
    let evaluated_at = reply::required(evaluate_time.as_ref().map(instant), "evaluate_time")?;
    Ok(Code {
        subject: reply::subject_id(subject_id, "subject_id")?,
        decision,
        colour,
        version: *version,
        evaluated_at,
        next_change_at: next_change_time.as_ref().map(instant),
    })
}
