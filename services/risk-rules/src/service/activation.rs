//! What follows an announcement by itself: previews, and at an approved version's instant the mass-change guard. A version
//! decides only once the guard has let it pass; until then everybody is decided about by the rules in force.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use sea_orm::DatabaseTransaction;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::book::Basis;
use super::deciding::Decider;
use super::rule_changes::RuleDesk;
use super::shadow::Compared;
use crate::domain::rule_change::{Counts, Tally};
use crate::domain::rule_set::RuleSet;
use crate::store::rule_changes::{self, Work};
use crate::store::{rule_sets, scan};
use lutong_chassis::operations::{Ended, Kind, store as operations};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long somebody has a version for themself. Kept from part to part; one who died is followed after that.
const LEASE: Duration = Duration::from_secs(120);
/// Parts read at once.
const AT_ONCE: usize = 2;

/// Counts what is to be counted and activates what may be, until `stop`. Any number of replicas may: a version is leased.
pub async fn activate(desk: RuleDesk, stop: CancellationToken) {
    loop {
        let asked = desk.asked.notified();
        match look(&desk.decider).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => tracing::warn!(%fault, "a rule set on its way waits; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = asked => {}
            () = stop.cancelled() => return,
        }
    }
}

/// A version that this worker has for itself.
#[derive(Debug, Clone)]
struct Leased {
    number: i64,
    owner: String,
    expected_changes: i64,
    effective_from: Timestamp,
}

/// `true` when there was something to do.
async fn look(decider: &Decider) -> Result<bool, Fault> {
    let reader = decider.database.reader();
    let paused = rule_changes::paused(reader).await?;
    metrics::gauge!("lutong_rule_sets_paused").set(f64::from(paused));
    let Some((work, row)) = rule_changes::work(reader, decider.clock.now()).await? else {
        return Ok(false);
    };
    let leased = Leased {
        number: row.number,
        owner: Uuid::from_bytes(decider.random.bytes::<16>()).to_string(),
        expected_changes: row.expected_changes,
        effective_from: Timestamp::from_micros(row.effective_from),
    };
    if !decider.keep(&leased).await? {
        return Ok(false);
    }
    let done = match work {
        Work::Run => decider.run_for(&leased).await,
        Work::Guard => decider.guard(&leased).await,
        Work::Preview => decider.preview(&leased).await,
    };
    if done.is_err() {
        let Leased { number, owner, .. } = leased;
        let released: Result<_, StorageError> = decider
            .database
            .write(move |transaction| {
                async move { rule_changes::release(transaction, number, &owner).await }.boxed()
            })
            .await;
        released?;
    }
    done.map(|()| true)
}

impl Decider {
    /// Takes the lease, or keeps it; `false` when somebody else has it.
    async fn keep(&self, leased: &Leased) -> Result<bool, Fault> {
        let Leased { number, owner, .. } = leased.clone();
        let now = self.clock.now();
        let kept: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move { rule_changes::lease(transaction, number, &owner, (now, now.plus(LEASE))).await }
                    .boxed()
            })
            .await;
        Ok(kept?)
    }

    /// Everybody by the rules in force and by the new ones at an instant; `None` when the lease was lost.
    async fn count(&self, leased: &Leased, at: Timestamp) -> Result<Option<(Arc<Basis>, Counts)>, Fault> {
        let basis = self.book.catch_up(self.database.reader()).await?;
        let stored = rule_sets::by_number(self.database.reader(), leased.number).await?;
        let damaged = |error| StorageError::Damaged(format!("rule_sets {}: {error}", leased.number));
        let new = Arc::new(RuleSet::parse(&stored.document).map_err(damaged)?);
        let compared = Compared::new(&basis, new, at)?;
        let parts = scan::parts(self.database.reader(), self.database.engine()).await?;
        let mut tally = Tally::default();
        for some in parts.chunks(AT_ONCE) {
            if !self.keep(leased).await? {
                return Ok(None);
            }
            tally.merge(&self.shadow(&compared, some).await?);
        }
        let counts = tally.counts((&compared.old, &compared.new), at, self.clock.now());
        Ok(Some((basis, counts)))
    }

    async fn preview(&self, leased: &Leased) -> Result<(), Fault> {
        let at = leased.effective_from.max(self.clock.now());
        let Some((_, counts)) = self.count(leased, at).await? else {
            return Ok(());
        };
        let (seen, changed, number) = (counts.seen, counts.changed(), leased.number);
        let (owner, now) = (leased.owner.clone(), self.clock.now());
        let stored: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    let stored = rule_changes::finish_preview(transaction, number, &owner, &counts).await?;
                    end_preview(transaction, number, Ended::Succeeded, now).await?;
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

    /// The mass-change guard: lets a version decide from now on, or pauses it, and nobody was decided about by it.
    async fn guard(&self, leased: &Leased) -> Result<(), Fault> {
        let Some((seen_by, counts)) = self.count(leased, self.clock.now()).await? else {
            return Ok(());
        };
        let (this, leased) = (self.clone(), leased.clone());
        let (number, changed, expected) = (leased.number, counts.changed(), leased.expected_changes);
        let passes = changed <= expected;
        // Before the run over everyone begins memory knows it: from then on nobody is decided about by the rules before.
        let done = self.book.change(move |transaction| {
            async move {
                // Nobody decides meanwhile: every decision is wholly by the rules before or by these.
                let basis = this.book.alone(transaction).await?;
                let now = this.clock.now();
                let same_rules = basis.rules_at(now)?.number == seen_by.rules_at(now)?.number;
                if !same_rules || !Arc::ptr_eq(&basis.areas, &seen_by.areas) {
                    // Counted by rules or areas that are those of no decision any more: once more.
                    rule_changes::release(transaction, number, &leased.owner).await?;
                    return Ok(false);
                }
                let active_from = passes.then_some(now);
                if passes {
                    // Whatever is still being tried is in force.
                    end_preview(transaction, number, Ended::Cancelled, now).await?;
                }
                rule_changes::finish_guard(transaction, number, &leased.owner, &counts, active_from).await
            }
            .boxed()
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

    /// Everybody is decided about anew by a version that has become active.
    async fn run_for(&self, leased: &Leased) -> Result<(), Fault> {
        self.book.catch_up(self.database.reader()).await?;
        let Some(run) = self.begin_recomparison(None).await? else {
            return Ok(());
        };
        let Leased { number, owner, .. } = leased.clone();
        let noted: Result<_, StorageError> = self
            .database
            .write(move |transaction| {
                async move { rule_changes::note_run(transaction, number, &owner, run).await }.boxed()
            })
            .await;
        noted?;
        Ok(())
    }
}

/// Ends the operation that previews a version.
async fn end_preview(
    transaction: &DatabaseTransaction,
    number: i64,
    how: Ended,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(version) = rule_changes::by_number(transaction, number).await? else {
        return Ok(());
    };
    operations::finish_of(transaction, (Kind::PreviewRuleSet, &version.name()), how, now).await
}
