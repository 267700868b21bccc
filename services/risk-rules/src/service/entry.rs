//! What an arrival from abroad still lacks (DOMAIN 2): only after quarantine has ended and a test was passed.

use lutong_kernel::{Fault, Timestamp};
use lutong_transport::access::DeclarantPermit;

use super::deciding::Decider;
use crate::domain::attributes::Value;
use crate::domain::fact::{Fact, FactKind};
use crate::store::statements;

/// One thing that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingStep {
    BorderRecord,
    QuarantineEnd,
    NegativeTest,
}

impl Decider {
    pub async fn check_entry(&self, permit: DeclarantPermit) -> Result<Vec<MissingStep>, Fault> {
        let cipher = self.fields.ready().await?;
        let basis = self.book.catch_up(self.database.reader()).await?;
        let person: Vec<_> = basis.merged.person(permit.subject()).collect();
        let mut facts = Vec::new();
        for row in statements::of_subjects(self.database.reader(), &person).await? {
            facts.extend(row.open(&cipher)?);
        }
        let now = self.clock.now();
        Ok(missing(&facts, now))
    }
}

/// The latest entry counts.
fn missing(facts: &[Fact], now: Timestamp) -> Vec<MissingStep> {
    let known = || facts.iter().filter(|fact| fact.superseded_at.is_none());
    let entries = known().filter(|fact| fact.kind() == FactKind::Entry);
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
    let passed = known().any(|fact| {
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
