//! Imports a notice as a whole, and decides again about everybody whom it may concern.

use std::collections::HashSet;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{DecisionId, DivisionCode, Fault, Random, Timestamp};
use lutong_risk_engine::area::{AreaEntry, RiskLevel};
use lutong_risk_engine::notice::intervals::NoticePeriod;
use lutong_risk_engine::notice::{Notice, NoticeDiff, diff};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;

use super::stays::StayRedecider;
use crate::areas::store as areas;
use crate::basis::service::BasisBook;
use crate::fault;
use crate::operations::service::effect::{Effect, Effects, PendingOperation};
use crate::unplaced_areas::store as unplaced_areas;

/// The result of importing a notice.
#[derive(Debug)]
pub struct NoticeImport {
    pub published_at: Timestamp,
    pub listed: usize,
    pub opened: usize,
    pub unchanged: usize,
    pub lifted: usize,
    pub needs_placement: usize,
    pub effect: Effect,
}

/// Imports notices. Cheap to clone.
#[derive(Clone)]
pub struct NoticeImporter {
    random: Arc<dyn Random>,
    book: BasisBook,
    stays: StayRedecider,
    effects: Effects,
}

impl NoticeImporter {
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

    /// Imports a complete notice as published. Importing the same notice again has no effect.
    pub async fn import(&self, call: &Call, account: &str, json: Vec<u8>) -> Result<NoticeImport, Fault> {
        // Parsing takes milliseconds, for which other calls must not wait.
        let notice = tokio::task::spawn_blocking(move || Notice::parse(&json)).await;
        let notice = notice
            .map_err(|_| Fault::internal("parsing a notice panicked or was cancelled"))?
            .map_err(fault::areas::notice_refused)?;
        self.book.ready().await?;
        let this = self.clone();
        let listed = notice.listings.len();
        let needs_placement = notice.needs_placement.len();
        let published_at = notice.published_at;
        let diff = self
            .book
            .change(move |transaction| async move { this.import_in(transaction, &notice).await }.boxed())
            .await?;
        let mut effect = self.effects.collect(call);
        let changed = diff.opened.iter().chain(&diff.lifted);
        self.stays.redecide(&mut effect, changed).await?;
        Ok(NoticeImport {
            published_at,
            listed,
            opened: diff.opened.len(),
            unchanged: diff.unchanged,
            lifted: diff.lifted.len(),
            needs_placement,
            effect: effect
                .finish(PendingOperation::new(account, String::new()))
                .await?,
        })
    }

    async fn import_in(
        &self,
        transaction: &DatabaseTransaction,
        notice: &Notice,
    ) -> Result<NoticeDiff, Fault> {
        let basis = self.book.exclusive(transaction).await?;
        // Read after the lock: no later decision is made without the notice.
        let now = self.book.instant_of_change(transaction).await?;
        let last = areas::last_notice(transaction).await?;
        if last.is_some_and(|last| notice.published_at < last) {
            return Err(fault::areas::notice_older());
        }
        // Key areas come from officers: notices do not contain them and do not lift them.
        let open: Vec<AreaEntry> = basis
            .areas
            .open()
            .into_iter()
            .filter(|area| area.level != RiskLevel::Key)
            .collect();
        let mut diff = diff(&open, notice, now);
        let placed = self.follow_unplaced(transaction, notice, now).await?;
        diff.lifted
            .retain(|area| !placed.contains(&ListedPlace::of(area)));
        areas::insert(transaction, &diff.opened).await?;
        areas::insert(transaction, &diff.lifted).await?;
        if last != Some(notice.published_at) {
            let listed = i64::try_from(notice.listings.len()).unwrap_or(i64::MAX);
            let waiting = i64::try_from(notice.needs_placement.len()).unwrap_or(i64::MAX);
            areas::insert_notice(transaction, notice.published_at, now, listed, waiting).await?;
        }
        Ok(diff)
    }

    /// Stores new rows that need placement and ends rows that are no longer listed. Returns the placements of rows that are still
    /// listed: the notice does not name them as places, but must not lift them.
    async fn follow_unplaced(
        &self,
        transaction: &DatabaseTransaction,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<HashSet<ListedPlace>, Fault> {
        let listed: HashSet<_> = notice.needs_placement.iter().collect();
        let (mut known, mut placed, mut gone) = (HashSet::new(), HashSet::new(), Vec::new());
        for row in unplaced_areas::open(transaction).await? {
            if !listed.contains(&row.row) {
                gone.push(row.number);
                continue;
            }
            if let Some(placement) = row.placement {
                placed.insert(ListedPlace(placement.code, placement.community, row.row.level));
            }
            known.insert(row.row);
        }
        let begins = NoticePeriod {
            from: notice.published_at,
            to: None,
        };
        let mut new = Vec::new();
        for row in &notice.needs_placement {
            // A notice may contain a row twice.
            if known.insert(row.clone()) {
                let id = DecisionId::new(now, &*self.random).uuid();
                new.push((id, row.clone(), begins));
            }
        }
        unplaced_areas::end(transaction, &gone, notice.published_at).await?;
        unplaced_areas::insert(transaction, &new).await?;
        Ok(placed)
    }
}

/// A listing without its period.
#[derive(PartialEq, Eq, Hash)]
struct ListedPlace(DivisionCode, Option<String>, RiskLevel);

impl ListedPlace {
    fn of(area: &AreaEntry) -> Self {
        Self(area.code, area.community.clone(), area.level)
    }
}
