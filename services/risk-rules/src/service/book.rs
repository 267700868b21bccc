//! What every decision stands on besides the facts: the risk areas and the rule sets, in memory: as many as a province has
//! fit easily, and an evaluation asks them thousands of times.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use lutong_chassis::storage::{Database, Engine, StorageError};
use lutong_kernel::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::Mutex;

use crate::domain::area::AreaBook;
use crate::domain::rule_set::RuleSet;
use crate::store;
use crate::store::rule_sets::StoredRuleSet;

/// Advisory lock on PostgreSQL: decisions share it, whoever changes what they stand on has it alone. So nobody decides by
/// what has been replaced, and the changer's own round of decisions sees everybody who was decided before it.
const BASIS_LOCK: i64 = 0x0061_7265_6173;

/// A rule set that decides from an instant on.
#[derive(Debug, Clone)]
pub struct InForce {
    /// `rule_sets.number`.
    pub number: i64,
    pub from: Timestamp,
    pub set: Arc<RuleSet>,
}

/// Areas and rule sets as of some commit.
#[derive(Debug, Clone)]
pub struct Basis {
    pub areas: Arc<AreaBook>,
    /// By the instant from which on they decide.
    rules: Arc<[InForce]>,
    last_area: i64,
}

impl Basis {
    /// The rule set that decides at an instant. Before the first, the first: there is always one.
    pub fn rules_at(&self, at: Timestamp) -> Result<&InForce, StorageError> {
        let started = self.rules.iter().rev().find(|rules| rules.from <= at);
        started
            .or_else(|| self.rules.first())
            .ok_or_else(|| StorageError::Damaged("rule_sets is empty".to_owned()))
    }
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Book {
    database: Database,
    loaded: Arc<ArcSwapOption<Basis>>,
    loading: Arc<Mutex<()>>,
}

impl Book {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            loaded: Arc::default(),
            loading: Arc::default(),
        }
    }

    /// Loads what is there, once, outside any transaction.
    pub async fn ready(&self) -> Result<Arc<Basis>, StorageError> {
        match self.loaded.load_full() {
            Some(loaded) => Ok(loaded),
            None => self.catch_up(self.database.reader()).await,
        }
    }

    /// What decisions of this transaction stand on; nobody changes it until the transaction's end.
    pub async fn shared(&self, transaction: &DatabaseTransaction) -> Result<Arc<Basis>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock_shared({BASIS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
            return self.catch_up(transaction).await;
        }
        // The one writer of this process brought memory up to date when it changed something.
        match self.loaded.load_full() {
            Some(loaded) => Ok(loaded),
            None => self.catch_up(transaction).await,
        }
    }

    /// The same for whoever changes it, who has it alone: no decision is under way.
    pub async fn alone(&self, transaction: &DatabaseTransaction) -> Result<Arc<Basis>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({BASIS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
        }
        self.catch_up(transaction).await
    }

    /// Reads what is not in memory yet.
    pub async fn catch_up(&self, connection: &impl ConnectionTrait) -> Result<Arc<Basis>, StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let known = self.loaded.load_full();
        let after = known.as_ref().map_or(0, |known| known.last_area);
        let (new, last_area) = store::areas::after(connection, after).await?;
        let approvals = store::rule_sets::approvals(connection).await?;
        let rules_known = known.as_ref().filter(|known| {
            let known = known.rules.iter().map(|rules| (rules.number, rules.from));
            known.eq(approvals.iter().copied())
        });
        if let Some(known) = rules_known
            && new.is_empty()
        {
            return Ok(Arc::clone(known));
        }
        let rules = match rules_known {
            Some(known) => Arc::clone(&known.rules),
            None => compile(store::rule_sets::approved(connection).await?)?,
        };
        let mut areas = known.map_or_else(Arc::default, |known| Arc::clone(&known.areas));
        if !new.is_empty() {
            let mut book = (*areas).clone();
            for entry in new {
                book.insert(entry);
            }
            areas = Arc::new(book);
        }
        let basis = Arc::new(Basis {
            areas,
            rules,
            last_area,
        });
        self.loaded.store(Some(Arc::clone(&basis)));
        Ok(basis)
    }

    /// A rule set by name and version, also one that decides no more.
    pub async fn named(&self, id: &str, version: &str) -> Result<Arc<RuleSet>, StorageError> {
        let basis = self.ready().await?;
        let is_it = |rules: &&InForce| rules.set.id == id && rules.set.version == version;
        if let Some(rules) = basis.rules.iter().find(is_it) {
            return Ok(Arc::clone(&rules.set));
        }
        let stored = store::rule_sets::by_name(self.database.reader(), id, version).await?;
        let stored = stored
            .ok_or_else(|| StorageError::Damaged(format!("rule_sets has no {id} version {version}")))?;
        parse(&stored).map(Arc::new)
    }
}

fn parse(stored: &StoredRuleSet) -> Result<RuleSet, StorageError> {
    let damaged = |error| StorageError::Damaged(format!("rule_sets {}: {error}", stored.number));
    RuleSet::parse(&stored.document).map_err(damaged)
}

fn compile(approved: Vec<StoredRuleSet>) -> Result<Arc<[InForce]>, StorageError> {
    let in_force = |stored: StoredRuleSet| {
        Ok(InForce {
            number: stored.number,
            from: stored.active_from.unwrap_or(Timestamp::MAX),
            set: Arc::new(parse(&stored)?),
        })
    };
    approved.into_iter().map(in_force).collect()
}
