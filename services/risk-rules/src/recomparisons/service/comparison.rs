//! Comparing the rows of a part with new evaluations.

use std::sync::Arc;

use lutong_kernel::SubjectId;
use lutong_risk_engine::area::AreaBook;
use lutong_risk_engine::evaluate::Evaluator;
use lutong_risk_engine::rule_set::RuleSet;
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;

use crate::basis::service::Basis;
use crate::recomparisons::domain::Coverage;
use crate::recomparisons::store::Run;
use crate::subjects::store::scan::{FactsReader, ScannedRow};

/// The state of the comparison of one part.
pub struct Comparison {
    run: Run,
    /// `rule_sets.number`.
    rules: i64,
    evaluator: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    facts: FactsReader,
    result: PartResult,
}

/// The result of the comparison of one part.
#[derive(Debug, Default)]
pub struct PartResult {
    pub coverage: Coverage,
    /// Subjects whose stored verdict differs.
    pub differing: Vec<SubjectId>,
}

impl Comparison {
    pub fn new(run: &Run, basis: &Basis, cipher: ReadyCipher) -> Result<Self, StorageError> {
        let rules = basis.rules_at(run.evaluated_at)?;
        Ok(Self {
            run: run.clone(),
            rules: rules.number,
            evaluator: Evaluator::new(Arc::clone(&rules.set), Arc::clone(&basis.areas)),
            facts: FactsReader::new(cipher),
            result: PartResult::default(),
        })
    }

    pub fn compare(&mut self, row: &ScannedRow<'_>) -> Result<(), StorageError> {
        // A subject that was enrolled after the beginning of the run was decided about after it.
        if row.roster.is_none_or(|roster| roster > self.run.roster) {
            return Ok(());
        }
        let facts = self.facts.open(row)?;
        let at = self.run.evaluated_at.max(row.latest_at);
        let verdict = self.evaluator.verdict(facts, at, at);
        self.result.coverage.seen.add(row.subject.uuid().as_bytes());
        self.result.coverage.count(verdict.colour);
        let standing = row.standing;
        if standing.verdict != verdict || standing.rule_set != self.rules {
            self.result.differing.push(row.subject);
        }
        Ok(())
    }

    pub fn finish(self) -> PartResult {
        self.result
    }
}
