//! Imports a table of listings with their ends as a whole, and decides again about everybody whom it concerns.

use std::collections::HashMap;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{DecisionId, DivisionCode, Fault, Random, Timestamp};
use lutong_risk_engine::area::{AreaBook, AreaEntry, RiskLevel};
use lutong_risk_engine::notice::UnplacedListing;
use lutong_risk_engine::notice::intervals::{Intervals, NoticePeriod};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;

use super::stays::StayRedecider;
use crate::areas::store as areas;
use crate::basis::service::BasisBook;
use crate::fault;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};
use crate::unplaced_areas::store::{self as unplaced_areas, UnplacedArea};

/// The result of importing a table.
#[derive(Debug)]
pub struct IntervalImport {
    pub rows: usize,
    pub listed: usize,
    pub opened: usize,
    pub ended: usize,
    pub unchanged: usize,
    pub needs_placement: usize,
    pub low: usize,
    pub effect: Effect,
}

/// The changes that a table makes to the listings.
#[derive(Default)]
struct IntervalDiff {
    opened: Vec<AreaEntry>,
    ended: Vec<AreaEntry>,
    unchanged: usize,
}

/// Imports tables of listings. Cheap to clone.
#[derive(Clone)]
pub struct IntervalImporter {
    random: Arc<dyn Random>,
    book: BasisBook,
    stays: StayRedecider,
    effects: Effects,
}

impl IntervalImporter {
    pub const fn new(
        random: Arc<dyn Random>,
        book: BasisBook,
        stays: StayRedecider,
        effects: Effects,
    ) -> Self {
        Self {
            random,
            book,
            stays,
            effects,
        }
    }

    /// Imports a table. Importing the same table again has no effect.
    pub async fn import(&self, call: &Call, account: &str, csv: Vec<u8>) -> Result<IntervalImport, Fault> {
        // Other calls must not wait for the parsing.
        let read = tokio::task::spawn_blocking(move || Intervals::parse(&csv)).await;
        let read = read
            .map_err(|_| Fault::internal("parsing a table panicked or was cancelled"))?
            .map_err(fault::areas::intervals_unreadable)?;
        self.book.ready().await?;
        let (rows, listed) = (read.rows, read.listings.len());
        let (needs_placement, low) = (read.needs_placement.len(), read.low);
        let this = self.clone();
        let diff = self
            .book
            .change(move |transaction| async move { this.import_in(transaction, &read).await }.boxed())
            .await?;
        let changed = diff.opened.iter().chain(&diff.ended);
        let mut effect = self.effects.collect(call);
        self.stays.redecide(&mut effect, changed).await?;
        Ok(IntervalImport {
            rows,
            listed,
            opened: diff.opened.len(),
            ended: diff.ended.len(),
            unchanged: diff.unchanged,
            needs_placement,
            low,
            effect: effect
                .finish(PendingOperation::new(account, String::new()))
                .await?,
        })
    }

    async fn import_in(
        &self,
        transaction: &DatabaseTransaction,
        read: &Intervals,
    ) -> Result<IntervalDiff, Fault> {
        let basis = self.book.exclusive(transaction).await?;
        let now = self.book.instant_of_change(transaction).await?;
        let mut diff = compare(&basis.areas, read, now);
        let lifted = self
            .follow_unplaced(transaction, &read.needs_placement, now)
            .await?;
        diff.ended.extend(lifted);
        areas::insert(transaction, &diff.opened).await?;
        areas::insert(transaction, &diff.ended).await?;
        Ok(diff)
    }

    /// Stores new rows that need placement and the new ends of known ones. Returns the listings of placed rows that have ended.
    async fn follow_unplaced(
        &self,
        transaction: &DatabaseTransaction,
        rows: &[(UnplacedListing, NoticePeriod)],
        now: Timestamp,
    ) -> Result<Vec<AreaEntry>, Fault> {
        let beginnings = || rows.iter().map(|(_, period)| period.from);
        let (Some(first), Some(last)) = (beginnings().min(), beginnings().max()) else {
            return Ok(Vec::new());
        };
        let stored = unplaced_areas::beginning(transaction, first, last).await?;
        let mut known: HashMap<(UnplacedListing, Timestamp), Option<UnplacedArea>> = stored
            .into_iter()
            .map(|stored| ((stored.row.clone(), stored.period.from), Some(stored)))
            .collect();
        let (mut new, mut lifted) = (Vec::new(), Vec::new());
        for (row, period) in rows {
            let name = (row.clone(), period.from);
            match known.get_mut(&name) {
                None => {
                    let id = DecisionId::new(now, &*self.random).uuid();
                    new.push((id, row.clone(), *period));
                    known.insert(name, None);
                }
                // The table contains the row twice.
                Some(None) => {}
                Some(Some(stored)) => {
                    if let (None, Some(to)) = (stored.period.to, period.to) {
                        stored.period = *period;
                        unplaced_areas::end(transaction, &[stored.number], to).await?;
                        let placed = stored.placement.as_ref();
                        lifted.extend(placed.map(|placement| stored.area(placement, now)));
                    }
                }
            }
        }
        unplaced_areas::insert(transaction, &new).await?;
        Ok(lifted)
    }
}

type ListingKey = (DivisionCode, Option<String>, RiskLevel, Timestamp);

fn compare(book: &AreaBook, read: &Intervals, recorded_at: Timestamp) -> IntervalDiff {
    let known: HashMap<ListingKey, Option<Timestamp>> = book
        .latest()
        .map(|area| ((area.code, area.community, area.level, area.from), area.to))
        .collect();
    let mut diff = IntervalDiff::default();
    for (listing, period) in &read.listings {
        let community = Some(listing.community.clone());
        let entry = AreaEntry {
            code: listing.code,
            community: community.clone(),
            level: listing.level,
            from: period.from,
            to: period.to,
            recorded_at,
        };
        match known.get(&(listing.code, community, listing.level, period.from)) {
            None => diff.opened.push(entry),
            // A table without the end was compiled earlier and does not remove it.
            Some(to) if *to == period.to || period.to.is_none() => diff.unchanged += 1,
            Some(_) => diff.ended.push(entry),
        }
    }
    diff
}
