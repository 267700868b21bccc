//! Shadow runs: everybody evaluated by two rule sets, counted and not decided about.

use std::sync::Arc;

use lutong_kernel::{Fault, Timestamp};
use lutong_risk_engine::area::AreaBook;
use lutong_risk_engine::evaluate::Evaluator;
use lutong_risk_engine::rule_set::RuleSet;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::{Database, StorageError};

use crate::basis::service::Basis;
use crate::rule_sets::domain::shadow::Tally;
use crate::subjects::store::scan::{self, FactsReader, Part, ScanColumns, ScannedRow};

/// The two rule sets to compare, with the areas and the instant of the evaluation.
#[derive(Debug, Clone)]
pub struct ShadowRun {
    pub old: Arc<RuleSet>,
    pub new: Arc<RuleSet>,
    pub areas: Arc<AreaBook>,
    pub at: Timestamp,
}

impl ShadowRun {
    pub fn new(basis: &Basis, new: Arc<RuleSet>, at: Timestamp) -> Result<Self, StorageError> {
        Ok(Self {
            old: Arc::clone(&basis.rules_at(at)?.set),
            new,
            areas: Arc::clone(&basis.areas),
            at,
        })
    }
}

/// Counts shadow runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ShadowCounter {
    database: Database,
    fields: FieldCipher,
}

impl ShadowCounter {
    pub const fn new(database: Database, fields: FieldCipher) -> Self {
        Self { database, fields }
    }

    /// Divides all subjects into parts.
    pub async fn parts(&self) -> Result<Vec<Part>, StorageError> {
        scan::parts(self.database.reader(), self.database.engine()).await
    }

    /// Counts the enrolled subjects of some parts, which are read concurrently.
    pub async fn count(&self, run: &ShadowRun, parts: &[Part]) -> Result<Tally, Fault> {
        let cipher = self.fields.ready().await?;
        let reading = parts.iter().map(|part| {
            let (database, part) = (self.database.clone(), part.clone());
            let count = PartCount::new(run, cipher.clone());
            tokio::spawn(async move { read(&database, &part, count).await })
        });
        let mut tally = Tally::default();
        for read in futures::future::join_all(reading.collect::<Vec<_>>()).await {
            tally.merge(&read.map_err(|_| Fault::internal("counting a part panicked or was cancelled"))??);
        }
        Ok(tally)
    }
}

async fn read(database: &Database, part: &Part, count: PartCount) -> Result<Tally, StorageError> {
    let columns = ScanColumns::WithDivision;
    let counted = scan::read_part(database, part, columns, count, |count, row| count.add(&row)).await?;
    Ok(counted.tally)
}

/// The state of the count of one part.
struct PartCount {
    at: Timestamp,
    old: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    new: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    facts: FactsReader,
    tally: Tally,
}

impl PartCount {
    fn new(run: &ShadowRun, cipher: ReadyCipher) -> Self {
        let evaluator = |set: &Arc<RuleSet>| Evaluator::new(Arc::clone(set), Arc::clone(&run.areas));
        Self {
            at: run.at,
            old: evaluator(&run.old),
            new: evaluator(&run.new),
            facts: FactsReader::new(cipher),
            tally: Tally::default(),
        }
    }

    fn add(&mut self, row: &ScannedRow<'_>) -> Result<(), StorageError> {
        // A subject that is not enrolled has no code whose colour could change.
        if row.roster.is_none() {
            return Ok(());
        }
        let facts = self.facts.open(row)?;
        let at = self.at.max(row.latest_at);
        let before = self.old.verdict(facts, at, at);
        let after = self.new.verdict(facts, at, at);
        self.tally.count(row.division, &before, &after);
        Ok(())
    }
}
