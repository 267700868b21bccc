//! Background work on announced versions: previews, and at the instant of an approved version the mass-change guard. A version is in
//! force only after the guard has let it pass; until then the previous rules decide.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::operations::{Kind, Outcome, store as operations};
use lutong_kernel::{Clock, Fault, Random, Timestamp};
use lutong_risk_engine::rule_set::RuleSet;
use lutong_storage::{Database, StorageError};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::shadow::{ShadowCounter, ShadowRun};
use crate::basis::service::{Basis, BasisBook};
use crate::recomparisons::service::Recomparisons;
use crate::rule_sets::domain::shadow::{Counts, Tally};
use crate::rule_sets::store::leases::{self, Work};
use crate::rule_sets::store::{documents, versions};

/// Interval between two checks for work.
const INTERVAL: Duration = Duration::from_secs(1);
/// Duration of the lease of a version. It is renewed with every part; the work of a crashed worker is continued afterwards.
const LEASE: Duration = Duration::from_secs(120);
/// Number of parts that are read concurrently.
const PARTS: usize = 2;

/// Counts previews and activates approved versions. Cheap to clone.
#[derive(Clone)]
pub struct Activation {
    database: Database,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    book: BasisBook,
    shadow: ShadowCounter,
    recomparisons: Recomparisons,
    /// Wakes the worker when there is something to count.
    requested: Arc<Notify>,
}

/// A version that this worker has leased.
#[derive(Debug, Clone)]
struct VersionLease {
    number: i64,
    owner: String,
    expected_changes: i64,
    effective_from: Timestamp,
}

impl Activation {
    pub fn new(
        database: Database,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        book: BasisBook,
        (shadow, recomparisons): (ShadowCounter, Recomparisons),
        requested: Arc<Notify>,
    ) -> Self {
        Self {
            database,
            clock,
            random,
            book,
            shadow,
            recomparisons,
            requested,
        }
    }

    /// Runs until `stop`. Several replicas may run it: a version is leased.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let requested = self.requested.notified();
            match self.process().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(fault) => tracing::warn!(%fault, "a rule set on its way waits; it is tried again"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = requested => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Does the most urgent work; `false` if there is none.
    async fn process(&self) -> Result<bool, Fault> {
        let reader = self.database.reader();
        let paused = leases::paused(reader).await?;
        metrics::gauge!("lutong_rule_sets_paused").set(f64::from(paused));
        let Some((work, row)) = leases::work(reader, self.clock.now()).await? else {
            return Ok(false);
        };
        let lease = VersionLease {
            number: row.number,
            owner: Uuid::from_bytes(self.random.bytes::<16>()).to_string(),
            expected_changes: row.expected_changes,
            effective_from: Timestamp::from_micros(row.effective_from),
        };
        if !self.renew(&lease).await? {
            return Ok(false);
        }
        let done = match work {
            Work::Run => self.recompare(&lease).await,
            Work::Guard => self.guard(&lease).await,
            Work::Preview => self.preview(&lease).await,
        };
        if done.is_err() {
            let VersionLease { number, owner, .. } = lease;
            let released: Result<_, StorageError> = self
                .database
                .write(move |transaction| {
                    async move { leases::release(transaction, number, &owner).await }.boxed()
                })
                .await;
            released?;
        }
        done.map(|()| true)
    }

    /// Takes or renews a lease; `false` if another worker holds it.
    async fn renew(&self, lease: &VersionLease) -> Result<bool, Fault> {
        let VersionLease { number, owner, .. } = lease.clone();
        let now = self.clock.now();
        let renewed: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move { leases::lease(transaction, number, &owner, (now, now.plus(LEASE))).await }
                    .boxed()
            })
            .await;
        Ok(renewed?)
    }

    /// Counts everybody by the rules in force and by the new ones; `None` if the lease was lost.
    async fn count(
        &self,
        lease: &VersionLease,
        at: Timestamp,
    ) -> Result<Option<(Arc<Basis>, Counts)>, Fault> {
        let basis = self.book.catch_up(self.database.reader()).await?;
        let stored = documents::by_number(self.database.reader(), lease.number).await?;
        let damaged = |error| StorageError::Damaged(format!("rule_sets {}: {error}", lease.number));
        let new = Arc::new(RuleSet::parse(&stored.document).map_err(damaged)?);
        let run = ShadowRun::new(&basis, new, at)?;
        let parts = self.shadow.parts().await?;
        let mut tally = Tally::default();
        for some in parts.chunks(PARTS) {
            if !self.renew(lease).await? {
                return Ok(None);
            }
            tally.merge(&self.shadow.count(&run, some).await?);
        }
        let counts = tally.counts((&run.old, &run.new), at, self.clock.now());
        Ok(Some((basis, counts)))
    }

    async fn preview(&self, lease: &VersionLease) -> Result<(), Fault> {
        let at = lease.effective_from.max(self.clock.now());
        let Some((_, counts)) = self.count(lease, at).await? else {
            return Ok(());
        };
        let (seen, changed, number) = (counts.seen, counts.changed(), lease.number);
        let (owner, now) = (lease.owner.clone(), self.clock.now());
        let stored: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let stored = leases::finish_preview(transaction, number, &owner, &counts).await?;
                    end_preview(transaction, number, Outcome::Succeeded, now).await?;
                    Ok(stored)
                }
                .boxed()
            })
            .await;
        if stored? {
            tracing::info!(number, seen, changed, "a rule set was previewed");
        }
        Ok(())
    }

    /// The mass-change guard: activates a version, or pauses it before anybody is decided about by it.
    async fn guard(&self, lease: &VersionLease) -> Result<(), Fault> {
        let Some((counted_by, counts)) = self.count(lease, self.clock.now()).await? else {
            return Ok(());
        };
        let (this, lease) = (self.clone(), lease.clone());
        let (number, changed, expected) = (lease.number, counts.changed(), lease.expected_changes);
        let passes = changed <= expected;
        // The memory is updated before the re-comparison begins: from then on the previous rules decide about nobody.
        let done = self.book.change(move |transaction| {
            async move { this.guard_in(transaction, &lease, &counted_by, &counts).await }.boxed()
        });
        let done: Result<bool, StorageError> = done.await;
        if !done? {
            return Ok(());
        }
        if passes {
            tracing::info!(number, changed, expected, "a rule set is active");
        } else {
            metrics::counter!("lutong_rule_sets_paused_total").increment(1);
            tracing::error!(
                number,
                changed,
                expected,
                "a rule set is paused: it would change more people than was said"
            );
        }
        Ok(())
    }

    /// Stores the result of the guard; `false` if the basis has changed since the count, which has to be repeated.
    async fn guard_in(
        &self,
        transaction: &DatabaseTransaction,
        lease: &VersionLease,
        counted_by: &Basis,
        counts: &Counts,
    ) -> Result<bool, StorageError> {
        // Every decision is made entirely by the previous rules or entirely by the new ones.
        let basis = self.book.exclusive(transaction).await?;
        let (number, now) = (lease.number, self.clock.now());
        let same_rules = basis.rules_at(now)?.number == counted_by.rules_at(now)?.number;
        if !same_rules || !Arc::ptr_eq(&basis.areas, &counted_by.areas) {
            leases::release(transaction, number, &lease.owner).await?;
            return Ok(false);
        }
        let passes = counts.changed() <= lease.expected_changes;
        let active_from = passes.then_some(now);
        if passes {
            // A preview that is still running has become pointless.
            end_preview(transaction, number, Outcome::Cancelled, now).await?;
        }
        leases::finish_guard(transaction, number, &lease.owner, counts, active_from).await
    }

    /// Begins the re-comparison that follows an activation.
    async fn recompare(&self, lease: &VersionLease) -> Result<(), Fault> {
        self.book.catch_up(self.database.reader()).await?;
        let run = self.recomparisons.begin().await?;
        let VersionLease { number, owner, .. } = lease.clone();
        let noted: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move { leases::note_run(transaction, number, &owner, run).await }.boxed()
            })
            .await;
        noted?;
        Ok(())
    }
}

/// Ends the operation of a version's preview.
async fn end_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    how: Outcome,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(version) = versions::by_number(transaction, number).await? else {
        return Ok(());
    };
    operations::finish_of(transaction, (Kind::PreviewRuleSet, &version.name()), how, now).await
}
