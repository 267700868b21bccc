//! Wire form of missing steps.

use lutong_proto::risk_rules::v1::MissingEntryStep;

use super::domain::MissingStep;

pub const fn missing_step(step: MissingStep) -> MissingEntryStep {
    match step {
        MissingStep::BorderRecord => MissingEntryStep::BorderRecord,
        MissingStep::QuarantineEnd => MissingEntryStep::QuarantineEnd,
        MissingStep::NegativeTest => MissingEntryStep::NegativeTest,
    }
}
