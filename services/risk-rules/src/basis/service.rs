//! The basis of every decision besides the facts: risk areas, rule sets and merges. It is kept in memory, because it is small and
//! every evaluation reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use lutong_kernel::{Clock, Timestamp};
use lutong_storage::{Database, Engine, StorageError, advisory};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::Mutex;

use super::store::{self, BasisPosition};
use crate::areas::store as areas;
use crate::decisions::store as decisions;
use crate::people::store as merges;
use crate::rule_sets::store::documents::{self, StoredRuleSet};
use lutong_risk_engine::area::{AreaBook, AreaEntry};
use lutong_risk_engine::merge::{MergeStep, MergedPeople};
use lutong_risk_engine::rule_set::RuleSet;

/// Advisory lock on PostgreSQL: decisions hold it shared, changes of the basis hold it exclusively. Therefore no decision uses a
/// replaced basis, and the decisions that follow a change see every subject that was decided before it.
const BASIS_LOCK: i64 = 0x0061_7265_6173;

/// A rule set that is in force from an instant on.
#[derive(Debug, Clone)]
pub struct ActiveRuleSet {
    /// `rule_sets.number`.
    pub number: i64,
    pub from: Timestamp,
    pub set: Arc<RuleSet>,
}

/// Areas, rule sets and merges as of some commit.
#[derive(Debug, Clone)]
pub struct Basis {
    pub areas: Arc<AreaBook>,
    /// Ordered by the instant from which on they are in force.
    rules: Arc<[ActiveRuleSet]>,
    pub merged: Arc<MergedPeople>,
    /// The latest recording of an area or a merge: a decision on this basis has no earlier instant.
    pub latest_at: Timestamp,
    position: BasisPosition,
}

impl Basis {
    /// The rule set that is in force at an instant; before the beginning of the first rule set, the first.
    pub fn rules_at(&self, at: Timestamp) -> Result<&ActiveRuleSet, StorageError> {
        let started = self.rules.iter().rev().find(|rules| rules.from <= at);
        started
            .or_else(|| self.rules.first())
            .ok_or_else(|| StorageError::Damaged("rule_sets is empty".to_owned()))
    }
}

/// Loads the basis, keeps it in memory and serialises its changes with decisions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BasisBook {
    database: Database,
    clock: Arc<dyn Clock>,
    loaded: Arc<ArcSwapOption<Basis>>,
    loading: Arc<Mutex<()>>,
    /// Number of changes in progress in this process.
    changing: Arc<AtomicUsize>,
}

impl BasisBook {
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            loaded: Arc::default(),
            loading: Arc::default(),
            changing: Arc::default(),
        }
    }

    /// Loads the basis once, outside of any transaction.
    pub async fn ready(&self) -> Result<Arc<Basis>, StorageError> {
        match self.loaded.load_full() {
            Some(loaded) => Ok(loaded),
            None => self.catch_up(self.database.reader()).await,
        }
    }

    /// The basis for the decisions of a transaction. It does not change until the end of the transaction.
    pub async fn shared(&self, transaction: &DatabaseTransaction) -> Result<Arc<Basis>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock_shared({BASIS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
            return self.catch_up(transaction).await;
        }
        // SQLite has one writer, which updates the memory after a change has been committed. Between the commit and the update the
        // memory is older than what this transaction sees; it must never be newer than what is committed.
        match self.loaded.load_full() {
            Some(loaded) if self.changing.load(Ordering::SeqCst) == 0 => Ok(loaded),
            known => Ok(read(transaction, known.as_ref()).await?.0),
        }
    }

    /// [`Database::write`] for a closure that uses [`Self::exclusive`], followed by an update of the memory. Runs to its end even if the
    /// caller is cancelled.
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
                // The next reader loads the whole basis.
                book.loaded.store(None);
            }
            book.changing.fetch_sub(1, Ordering::SeqCst);
            changed
        });
        let stopped = |_| StorageError::Damaged("a change did not run to its end".to_owned());
        changed.await.map_err(stopped)?
    }

    /// The basis for a transaction that changes it. No decision is in progress until the end of the transaction.
    pub async fn exclusive(&self, transaction: &DatabaseTransaction) -> Result<Arc<Basis>, StorageError> {
        advisory::lock(transaction, BASIS_LOCK).await?;
        let known = self.loaded.load_full();
        Ok(read(transaction, known.as_ref()).await?.0)
    }

    /// An instant for a change of the basis: now, or later if a decision without the change has a later instant, since the clocks of
    /// several machines differ. The caller holds the basis exclusively.
    pub async fn instant_of_change(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<Timestamp, StorageError> {
        let last = decisions::last(transaction).await?;
        let next = last.map_or(Timestamp::MIN, |last| last.plus_micros(1));
        Ok(self.clock.now().max(next))
    }

    /// Loads what is not in memory yet.
    pub async fn catch_up(&self, connection: &impl ConnectionTrait) -> Result<Arc<Basis>, StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let known = self.loaded.load_full();
        let (basis, is_news) = read(connection, known.as_ref()).await?;
        if is_news {
            self.loaded.store(Some(Arc::clone(&basis)));
        }
        Ok(basis)
    }

    /// A rule set by name and version, also one that is no longer in force.
    pub async fn named(&self, id: &str, version: &str) -> Result<Arc<RuleSet>, StorageError> {
        let basis = self.ready().await?;
        let is_it = |rules: &&ActiveRuleSet| rules.set.id == id && rules.set.version == version;
        if let Some(rules) = basis.rules.iter().find(is_it) {
            return Ok(Arc::clone(&rules.set));
        }
        let stored = documents::by_name(self.database.reader(), id, version).await?;
        let stored = stored
            .ok_or_else(|| StorageError::Damaged(format!("rule_sets has no {id} version {version}")))?;
        parse(&stored).map(Arc::new)
    }
}

/// The basis that a connection sees, built on the known one, and whether it is newer.
async fn read(
    connection: &impl ConnectionTrait,
    known: Option<&Arc<Basis>>,
) -> Result<(Arc<Basis>, bool), StorageError> {
    let mut position = known.map_or_else(BasisPosition::default, |known| known.position);
    let there = store::position(connection).await?;
    let (mut new_areas, mut new_steps) = (Vec::new(), Vec::new());
    // The position that was actually read, which may be greater than the one queried before.
    if there.area != position.area {
        (new_areas, position.area) = areas::after(connection, position.area).await?;
    }
    if there.merge != position.merge {
        (new_steps, position.merge) = merges::after(connection, position.merge).await?;
    }
    let approvals = documents::approvals(connection).await?;
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
        None => compile(documents::approved(connection).await?)?,
    };
    let basis = Basis {
        areas: with_areas(known.map(|known| &known.areas), new_areas),
        rules,
        merged: with_steps(known.map(|known| &known.merged), &new_steps),
        latest_at,
        position,
    };
    Ok((Arc::new(basis), true))
}

fn with_areas(known: Option<&Arc<AreaBook>>, new: Vec<AreaEntry>) -> Arc<AreaBook> {
    let mut areas = known.map_or_else(Arc::default, Arc::clone);
    if !new.is_empty() {
        let book = Arc::make_mut(&mut areas);
        for entry in new {
            book.insert(entry);
        }
    }
    areas
}

fn with_steps(known: Option<&Arc<MergedPeople>>, new: &[MergeStep]) -> Arc<MergedPeople> {
    let mut merged = known.map_or_else(Arc::default, Arc::clone);
    if !new.is_empty() {
        let people = Arc::make_mut(&mut merged);
        for step in new {
            people.apply(step);
        }
    }
    merged
}

fn parse(stored: &StoredRuleSet) -> Result<RuleSet, StorageError> {
    let damaged = |error| StorageError::Damaged(format!("rule_sets {}: {error}", stored.number));
    RuleSet::parse(&stored.document).map_err(damaged)
}

fn compile(approved: Vec<StoredRuleSet>) -> Result<Arc<[ActiveRuleSet]>, StorageError> {
    let in_force = |stored: StoredRuleSet| {
        Ok(ActiveRuleSet {
            number: stored.number,
            from: stored.active_from.unwrap_or(Timestamp::MAX),
            set: Arc::new(parse(&stored)?),
        })
    };
    approved.into_iter().map(in_force).collect()
}
