//! What an entry from abroad requires (DOMAIN 2): the border record, the end of quarantine and a negative test.

use lutong_kernel::Timestamp;
use lutong_risk_engine::attributes::Value;
use lutong_risk_engine::fact::{Fact, FactKind};

/// A requirement that is not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingStep {
    BorderRecord,
    QuarantineEnd,
    NegativeTest,
}

/// The requirements that the latest entry does not fulfil by `now`.
pub fn missing_steps(facts: &[Fact], now: Timestamp) -> Vec<MissingStep> {
    let current = || facts.iter().filter(|fact| fact.superseded_at.is_none());
    let entries = current().filter(|fact| fact.kind() == FactKind::Entry);
    let latest = entries
        .filter_map(|fact| Some((fact.attributes.instant("entered_at")?, fact)))
        .max_by_key(|(at, _)| *at);
    let Some((entered_at, entry)) = latest else {
        return vec![
            MissingStep::BorderRecord,
            MissingStep::QuarantineEnd,
            MissingStep::NegativeTest,
        ];
    };
    let mut missing = Vec::new();
    if entry
        .attributes
        .instant("quarantine_completed_at")
        .is_none_or(|end| end > now)
    {
        missing.push(MissingStep::QuarantineEnd);
    }
    let passed = current().any(|fact| {
        fact.kind() == FactKind::Test
            && fact.attributes.get("result") == Some(&Value::Word("negative"))
            && fact
                .attributes
                .instant("sampled_at")
                .is_some_and(|at| at >= entered_at && at <= now)
    });
    if !passed {
        missing.push(MissingStep::NegativeTest);
    }
    missing
}
