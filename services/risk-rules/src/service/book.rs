//! What every decision stands on besides the facts: the risk areas, the rule sets, and which subjects are one person, in
//! memory: as many as a province has fit easily, and an evaluation asks them thousands of times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use lutong_kernel::Timestamp;
use lutong_storage::{Database, Engine, StorageError};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::Mutex;

use crate::domain::area::AreaBook;
use crate::domain::merged::Merged;
use crate::domain::rule_set::RuleSet;
use crate::store;
use crate::store::basis::Last;
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

/// Areas, rule sets and people as of some commit.
#[derive(Debug, Clone)]
pub struct Basis {
    pub areas: Arc<AreaBook>,
    /// By the instant from which on they decide.
    rules: Arc<[InForce]>,
    pub merged: Arc<Merged>,
    /// When the latest of the areas and of the people was recorded: what is decided by them is decided no earlier.
    pub latest_at: Timestamp,
    last: Last,
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
    /// Changes that are under way in this process.
    changing: Arc<AtomicUsize>,
}

impl Book {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            loaded: Arc::default(),
            loading: Arc::default(),
            changing: Arc::default(),
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
        // The one writer of this process brought memory up to date after it had changed something; between its commit and
        // that moment memory is behind what this transaction sees, and must not run ahead of what is committed.
        match self.loaded.load_full() {
            Some(loaded) if self.changing.load(Ordering::SeqCst) == 0 => Ok(loaded),
            known => Ok(read(transaction, known.as_ref()).await?.0),
        }
    }

    /// [`Database::write`] for a closure that takes [`Self::alone`], and brings memory up to date after it. Goes on when
    /// whoever asked for it has gone.
    pub async fn change<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
    {
        let book = self.clone();
        let changed = tokio::spawn(async move {
            book.changing.fetch_add(1, Ordering::SeqCst);
            let changed = book.database.write(work).await;
            let caught_up = book.catch_up(book.database.reader()).await;
            if caught_up.is_err() {
                // Whoever needs it next reads it all.
                book.loaded.store(None);
            }
            book.changing.fetch_sub(1, Ordering::SeqCst);
            changed
        });
        let stopped = |_| StorageError::Damaged("a change did not run to its end".to_owned());
        changed.await.map_err(stopped)?
    }

    /// The same for whoever changes it, who has it alone: no decision is under way.
    pub async fn alone(&self, transaction: &DatabaseTransaction) -> Result<Arc<Basis>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({BASIS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
        }
        let known = self.loaded.load_full();
        Ok(read(transaction, known.as_ref()).await?.0)
    }

    /// Reads what is not in memory yet.
    pub async fn catch_up(&self, connection: &impl ConnectionTrait) -> Result<Arc<Basis>, StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let known = self.loaded.load_full();
        let (basis, is_news) = read(connection, known.as_ref()).await?;
        if is_news {
            self.loaded.store(Some(Arc::clone(&basis)));
        }
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

/// What a connection sees, from what is known already; and whether it is more than that.
async fn read(
    connection: &impl ConnectionTrait,
    known: Option<&Arc<Basis>>,
) -> Result<(Arc<Basis>, bool), StorageError> {
    let mut last = known.map_or_else(Last::default, |known| known.last);
    let there = store::basis::last(connection).await?;
    let (mut new_areas, mut new_steps) = (Vec::new(), Vec::new());
    // Up to what was read, which may be more than was there a moment ago.
    if there.area != last.area {
        (new_areas, last.area) = store::areas::after(connection, last.area).await?;
    }
    if there.merge != last.merge {
        (new_steps, last.merge) = store::merges::after(connection, last.merge).await?;
    }
    let approvals = store::rule_sets::approvals(connection).await?;
    let rules_known = known.filter(|known| {
        let known = known.rules.iter().map(|rules| (rules.number, rules.from));
        known.eq(approvals.iter().copied())
    });
    if let Some(known) = rules_known
        && new_areas.is_empty()
        && new_steps.is_empty()
    {
        return Ok((Arc::clone(known), false));
    }
    let recorded = new_areas.iter().map(|entry| entry.recorded_at);
    let recorded = recorded.chain(new_steps.iter().map(|step| step.recorded_at));
    let latest_at = known
        .map(|known| known.latest_at)
        .into_iter()
        .chain(recorded)
        .max();
    let latest_at = latest_at.unwrap_or(Timestamp::MIN);
    let rules = match rules_known {
        Some(known) => Arc::clone(&known.rules),
        None => compile(store::rule_sets::approved(connection).await?)?,
    };
    let mut areas = known.map_or_else(Arc::default, |known| Arc::clone(&known.areas));
    if !new_areas.is_empty() {
        let mut book = (*areas).clone();
        for entry in new_areas {
            book.insert(entry);
        }
        areas = Arc::new(book);
    }
    let mut merged = known.map_or_else(Arc::default, |known| Arc::clone(&known.merged));
    if !new_steps.is_empty() {
        let mut people = (*merged).clone();
        for step in &new_steps {
            people.apply(step);
        }
        merged = Arc::new(people);
    }
    let basis = Basis {
        areas,
        rules,
        merged,
        latest_at,
        last,
    };
    Ok((Arc::new(basis), true))
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
