//! Importing a notice: all of it or nothing, then everybody decided anew whom it may concern.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{DecisionId, DivisionCode, Fault, FaultCode, SubjectId, Timestamp, Violation};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::deciding::Decider;
use super::effect::{Bringing, Effect, LeftTo};
use crate::domain::area::{AreaEntry, RiskLevel};
use crate::domain::notice::intervals::Span;
use crate::domain::notice::{Notice, NoticeDiff, NoticeError, diff};
use crate::domain::packed::community_key;
use crate::store::areas;
use crate::store::stay_places::{self, BlindPlace};
use crate::store::unplaced;

/// Subjects decided anew in one transaction.
const PAGE: usize = 1_000;
/// Places asked for in one query, and people found by one.
const PLACES: usize = 1_000;
const FOUND: usize = 10_000;

/// What a notice changed.
#[derive(Debug)]
pub struct Imported {
    pub published_at: Timestamp,
    pub listed: usize,
    pub opened: usize,
    pub unchanged: usize,
    pub lifted: usize,
    pub needs_placement: usize,
    pub effect: Effect,
}

impl Decider {
    /// Imports a complete notice as published. The same notice again changes nothing.
    pub async fn import_notice(&self, call: &Call, account: &str, json: Vec<u8>) -> Result<Imported, Fault> {
        // Milliseconds of parsing that other calls need not wait for.
        let notice = tokio::task::spawn_blocking(move || Notice::parse(&json)).await;
        let notice = notice.map_err(|_| Fault::internal())?.map_err(refused)?;
        self.book.ready().await?;
        let this = self.clone();
        let listed = notice.listings.len();
        let needs_placement = notice.needs_placement.len();
        let published_at = notice.published_at;
        let diff = self
            .book
            .change(move |transaction| async move { this.import_in(transaction, &notice).await }.boxed())
            .await?;
        let mut bringing = Bringing::new(self, call);
        let changed = diff.opened.iter().chain(&diff.lifted);
        self.redecide_stays(&mut bringing, changed).await?;
        Ok(Imported {
            published_at,
            listed,
            opened: diff.opened.len(),
            unchanged: diff.unchanged,
            lifted: diff.lifted.len(),
            needs_placement,
            effect: bringing.finish(LeftTo::its_own(account, String::new())).await?,
        })
    }

    async fn import_in(
        &self,
        transaction: &DatabaseTransaction,
        notice: &Notice,
    ) -> Result<NoticeDiff, Fault> {
        let basis = self.book.alone(transaction).await?;
        // After the lock: no decision was made since without knowing of it.
        let now = self.instant_after_all(transaction).await?;
        let last = areas::last_notice(transaction).await?;
        if last.is_some_and(|last| notice.published_at < last) {
            return Err(Fault::new(
                FaultCode::FailedPrecondition,
                "NOTICE_OLDER",
                "已导入更新的风险地区通告",
                "a newer notice is in already",
            ));
        }
        // An officer's areas are not in any notice and are not lifted by one.
        let open: Vec<AreaEntry> = basis
            .areas
            .open()
            .into_iter()
            .filter(|area| area.level != RiskLevel::Key)
            .collect();
        let mut diff = diff(&open, notice, now);
        let placed = self.follow_unplaced(transaction, notice, now).await?;
        diff.lifted.retain(|area| !placed.contains(&Place::of(area)));
        areas::insert(transaction, &diff.opened).await?;
        areas::insert(transaction, &diff.lifted).await?;
        if last != Some(notice.published_at) {
            let listed = i64::try_from(notice.listings.len()).unwrap_or(i64::MAX);
            let waiting = i64::try_from(notice.needs_placement.len()).unwrap_or(i64::MAX);
            areas::insert_notice(transaction, notice.published_at, now, listed, waiting).await?;
        }
        Ok(diff)
    }

    /// Whoever stayed in one of the places that changed, page by page. What a crash leaves undone is found by the next
    /// notice's round or by the daily run over everyone.
    pub(super) async fn redecide_stays<'a>(
        &self,
        bringing: &mut Bringing<'_>,
        changed: impl Iterator<Item = &'a AreaEntry>,
    ) -> Result<(), Fault> {
        let places: BTreeSet<BlindPlace> = changed
            .map(|entry| {
                let community = entry.community.as_deref().map(community_key);
                self.places.place(entry.code.number(), community)
            })
            .collect();
        let concerned = self.stayed_in(places).await?;
        for page in concerned.chunks(PAGE) {
            bringing.made(&self.redecide(page.to_vec()).await?).await;
        }
        Ok(())
    }

    /// New rows wait for an officer, those listed no more end. Returns what officers placed that is listed still: the notice
    /// names none of it, and does not lift it.
    async fn follow_unplaced(
        &self,
        transaction: &DatabaseTransaction,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<HashSet<Place>, Fault> {
        let listed: HashSet<_> = notice.needs_placement.iter().collect();
        let (mut known, mut placed, mut gone) = (HashSet::new(), HashSet::new(), Vec::new());
        for row in unplaced::open(transaction).await? {
            if !listed.contains(&row.row) {
                gone.push(row.number);
                continue;
            }
            if let Some(placement) = row.placement {
                placed.insert(Place(placement.code, placement.community, row.row.level));
            }
            known.insert(row.row);
        }
        let begins = Span {
            from: notice.published_at,
            to: None,
        };
        let mut new = Vec::new();
        for row in &notice.needs_placement {
            // Some are stated twice.
            if known.insert(row.clone()) {
                new.push((self.row_id(now), row.clone(), begins));
            }
        }
        unplaced::end(transaction, &gone, notice.published_at).await?;
        unplaced::insert(transaction, &new).await?;
        Ok(placed)
    }

    /// The id of a row of a notice.
    pub(super) fn row_id(&self, now: Timestamp) -> Uuid {
        DecisionId::new(now, &*self.random).uuid()
    }

    /// Each once, in order, with whoever is one person with them.
    async fn stayed_in(&self, places: BTreeSet<BlindPlace>) -> Result<Vec<SubjectId>, Fault> {
        let places: Vec<BlindPlace> = places.into_iter().collect();
        let mut concerned = BTreeSet::new();
        for places in places.chunks(PLACES) {
            let mut after = None;
            loop {
                let page = stay_places::stayed(self.database.reader(), places, after, FOUND).await?;
                after = page.last().copied();
                concerned.extend(page.iter().map(|(_, subject)| *subject));
                if page.len() < FOUND {
                    break;
                }
            }
        }
        let merged = Arc::clone(&self.book.ready().await?.merged);
        Ok(merged.people(concerned).into_iter().collect())
    }
}

/// A listing without its times.
#[derive(PartialEq, Eq, Hash)]
struct Place(DivisionCode, Option<String>, RiskLevel);

impl Place {
    fn of(area: &AreaEntry) -> Self {
        Self(area.code, area.community.clone(), area.level)
    }
}

fn refused(error: NoticeError) -> Fault {
    let en = error.to_string();
    match error {
        NoticeError::CountsDiffer { path, stated, listed } => {
            let zh = format!("通告所载数量{stated}与列表{listed}不符");
            let mut fault = Fault::new(
                FaultCode::InvalidArgument,
                "NOTICE_COUNTS_DIFFER",
                zh.clone(),
                en.clone(),
            );
            fault.violations = vec![Violation::new(path, "COUNT_DIFFERS", zh, en)];
            fault
        }
        NoticeError::Unreadable { offset, reason } => unreadable(format!("byte {offset}"), &reason),
        NoticeError::Shape { path, reason } => unreadable(path, &reason),
    }
}

fn unreadable(field: String, reason: &str) -> Fault {
    let mut fault = Fault::new(
        FaultCode::InvalidArgument,
        "NOTICE_UNREADABLE",
        format!("通告无法读取（{field}），未导入任何内容"),
        format!("the notice cannot be read at {field}: {reason}; nothing was imported"),
    );
    fault.violations = vec![Violation::new(field, "UNREADABLE", "无法读取", reason)];
    fault
}
