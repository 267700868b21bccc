//! Importing a notice: all of it or nothing, then everybody decided anew whom it may concern.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use lutong_chassis::client::Call;
use lutong_kernel::{Fault, FaultCode, SubjectId, Timestamp, Violation};
use sea_orm::DatabaseTransaction;

use super::deciding::Decider;
use crate::domain::area::{AreaEntry, RiskLevel};
use crate::domain::notice::{Notice, NoticeDiff, NoticeError, diff};
use crate::domain::packed::community_key;
use crate::store::areas;
use crate::store::stay_places::{self, BlindPlace};

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
    pub redecided: usize,
    pub in_force: bool,
}

impl Decider {
    /// Imports a complete notice as published. The same notice again changes nothing.
    pub async fn import_notice(&self, call: &Call, json: Vec<u8>) -> Result<Imported, Fault> {
        // Milliseconds of parsing that other calls need not wait for.
        let notice = tokio::task::spawn_blocking(move || Notice::parse(&json)).await;
        let notice = notice.map_err(|_| Fault::internal())?.map_err(refused)?;
        self.book.ready().await?;
        let (this, now) = (self.clone(), self.clock.now());
        let listed = notice.listings.len();
        let needs_placement = notice.needs_placement.len();
        let published_at = notice.published_at;
        let diff = self
            .database
            .write(move |transaction| async move { this.import_in(transaction, &notice, now).await }.boxed())
            .await?;
        self.book.catch_up(self.database.reader()).await?;
        let changed = !diff.opened.is_empty() || !diff.lifted.is_empty();
        let (redecided, in_force) = if changed {
            self.redecide_stays(call, &diff).await?
        } else {
            (0, true)
        };
        Ok(Imported {
            published_at,
            listed,
            opened: diff.opened.len(),
            unchanged: diff.unchanged,
            lifted: diff.lifted.len(),
            needs_placement,
            redecided,
            in_force,
        })
    }

    async fn import_in(
        &self,
        transaction: &DatabaseTransaction,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<NoticeDiff, Fault> {
        let basis = self.book.alone(transaction).await?;
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
        let diff = diff(&open, notice, now);
        areas::insert(transaction, &diff.opened).await?;
        areas::insert(transaction, &diff.lifted).await?;
        if last != Some(notice.published_at) {
            let listed = i64::try_from(notice.listings.len()).unwrap_or(i64::MAX);
            areas::insert_notice(
                transaction,
                notice.published_at,
                now,
                listed,
                &notice.needs_placement,
            )
            .await?;
        }
        Ok(diff)
    }

    /// Whoever stayed in one of the places that changed, page by page. What a crash leaves undone is found by the next
    /// notice's round or by the daily run over everyone.
    async fn redecide_stays(&self, call: &Call, diff: &NoticeDiff) -> Result<(usize, bool), Fault> {
        let places: BTreeSet<BlindPlace> = diff
            .opened
            .iter()
            .chain(&diff.lifted)
            .map(|entry| {
                let community = entry.community.as_deref().map(community_key);
                self.places.place(entry.code.number(), community)
            })
            .collect();
        let concerned = self.stayed_in(places).await?;
        let (mut redecided, mut in_force) = (0, true);
        for page in concerned.chunks(PAGE) {
            let made = self.redecide(page.to_vec()).await?;
            redecided += made.len();
            in_force &= self.bring_into_force(call, &made).await;
        }
        Ok((redecided, in_force))
    }

    /// Each once, in order.
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
        Ok(concerned.into_iter().collect())
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
