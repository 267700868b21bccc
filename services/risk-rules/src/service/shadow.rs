//! A shadow run: everybody by two rule sets, counted and not decided about.

use std::sync::Arc;

use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;

use super::book::Basis;
use super::deciding::Decider;
use crate::domain::area::AreaBook;
use crate::domain::evaluate::Evaluator;
use crate::domain::packed::{self, PackedFact};
use crate::domain::rule_change::Tally;
use crate::domain::rule_set::RuleSet;
use crate::store::scan::{self, Part, ScannedRow, Wanted};
use crate::store::subjects::facts_context;

/// What is compared.
#[derive(Debug, Clone)]
pub struct Compared {
    pub old: Arc<RuleSet>,
    pub new: Arc<RuleSet>,
    pub areas: Arc<AreaBook>,
    /// The instant for which everybody is evaluated.
    pub at: Timestamp,
}

impl Compared {
    pub fn new(basis: &Basis, new: Arc<RuleSet>, at: Timestamp) -> Result<Self, StorageError> {
        Ok(Self {
            old: Arc::clone(&basis.rules_at(at)?.set),
            new,
            areas: Arc::clone(&basis.areas),
            at,
        })
    }
}

impl Decider {
    /// Counts everybody in some parts who has a code, all of these parts at once.
    pub(super) async fn shadow(&self, compared: &Compared, parts: &[Part]) -> Result<Tally, Fault> {
        let cipher = self.ready().await?;
        let reading = parts.iter().map(|part| {
            let (database, part) = (self.database.clone(), part.clone());
            let shadow = Shadow::new(compared, cipher.clone());
            tokio::spawn(async move { read(&database, &part, shadow).await })
        });
        let mut tally = Tally::default();
        for read in futures::future::join_all(reading.collect::<Vec<_>>()).await {
            tally.merge(&read.map_err(|_| Fault::internal())??);
        }
        Ok(tally)
    }
}

async fn read(
    database: &lutong_storage::Database,
    part: &Part,
    shadow: Shadow,
) -> Result<Tally, StorageError> {
    let wanted = Wanted::WithDivision;
    let read = scan::read_part(database, part, wanted, shadow, |shadow, row| shadow.look(&row)).await?;
    Ok(read.tally)
}

/// What is carried from row to row.
struct Shadow {
    at: Timestamp,
    old: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    new: Evaluator<Arc<RuleSet>, Arc<AreaBook>>,
    cipher: ReadyCipher,
    plain: Vec<u8>,
    facts: Vec<PackedFact>,
    tally: Tally,
}

impl Shadow {
    fn new(compared: &Compared, cipher: ReadyCipher) -> Self {
        let evaluator = |set: &Arc<RuleSet>| Evaluator::new(Arc::clone(set), Arc::clone(&compared.areas));
        Self {
            at: compared.at,
            old: evaluator(&compared.old),
            new: evaluator(&compared.new),
            cipher,
            plain: Vec::new(),
            facts: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn look(&mut self, row: &ScannedRow<'_>) -> Result<(), StorageError> {
        // Who is to have no code has no colour that could change.
        if row.roster.is_none() {
            return Ok(());
        }
        self.facts.clear();
        if let Some(sealed) = row.facts {
            let damaged = || StorageError::Damaged(format!("subjects.facts of {}", row.subject));
            self.cipher
                .decrypt_into(sealed, &facts_context(row.subject), &mut self.plain)
                .map_err(|_| damaged())?;
            packed::unpack(&self.plain, &mut self.facts).map_err(|_| damaged())?;
        }
        let at = self.at.max(row.latest_at);
        let before = self.old.verdict(&self.facts, at, at);
        let after = self.new.verdict(&self.facts, at, at);
        self.tally.count(row.division, &before, &after);
        Ok(())
    }
}
