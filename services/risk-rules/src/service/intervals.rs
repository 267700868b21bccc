//! Importing a table of listings with their ends: all of it or nothing, then everybody decided anew whom it concerns.

use std::collections::HashMap;

use futures::FutureExt as _;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Timestamp, Violation};
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;

use super::deciding::Decider;
use super::effect::{Bringing, Effect, LeftTo};
use crate::domain::area::{AreaBook, AreaEntry, RiskLevel};
use crate::domain::notice::Unplaced;
use crate::domain::notice::intervals::{IntervalError, Intervals, Span, Wrong};
use crate::store::unplaced::UnplacedRow;
use crate::store::{areas, unplaced};

/// What a table changed.
#[derive(Debug)]
pub struct ImportedIntervals {
    pub rows: usize,
    pub listed: usize,
    pub opened: usize,
    pub ended: usize,
    pub unchanged: usize,
    pub needs_placement: usize,
    pub low: usize,
    pub effect: Effect,
}

#[derive(Default)]
struct Changes {
    opened: Vec<AreaEntry>,
    ended: Vec<AreaEntry>,
    unchanged: usize,
}

impl Decider {
    /// Imports a table. The same table again changes nothing.
    pub async fn import_intervals(
        &self,
        call: &Call,
        account: &str,
        csv: Vec<u8>,
    ) -> Result<ImportedIntervals, Fault> {
        // Other calls need not wait for the parsing.
        let read = tokio::task::spawn_blocking(move || Intervals::parse(&csv)).await;
        let read = read.map_err(|_| Fault::internal())?.map_err(refused)?;
        self.book.ready().await?;
        let counted = ImportedIntervals {
            rows: read.rows,
            listed: read.listings.len(),
            opened: 0,
            ended: 0,
            unchanged: 0,
            needs_placement: read.needs_placement.len(),
            low: read.low,
            effect: Effect::default(),
        };
        let this = self.clone();
        let changes = self
            .book
            .change(move |transaction| async move { this.list_intervals(transaction, &read).await }.boxed())
            .await?;
        let changed = changes.opened.iter().chain(&changes.ended);
        let mut bringing = Bringing::new(self, call);
        self.redecide_stays(&mut bringing, changed).await?;
        Ok(ImportedIntervals {
            opened: changes.opened.len(),
            ended: changes.ended.len(),
            unchanged: changes.unchanged,
            effect: bringing.finish(LeftTo::its_own(account, String::new())).await?,
            ..counted
        })
    }

    async fn list_intervals(
        &self,
        transaction: &DatabaseTransaction,
        read: &Intervals,
    ) -> Result<Changes, Fault> {
        let basis = self.book.alone(transaction).await?;
        let now = self.instant_after_all(transaction).await?;
        let mut changes = changes(&basis.areas, read, now);
        let placed = self.follow_rows(transaction, &read.needs_placement, now).await?;
        changes.ended.extend(placed);
        areas::insert(transaction, &changes.opened).await?;
        areas::insert(transaction, &changes.ended).await?;
        Ok(changes)
    }

    /// Rows not known yet wait for an officer; those whose end is new end, with what was placed of them.
    async fn follow_rows(
        &self,
        transaction: &DatabaseTransaction,
        rows: &[(Unplaced, Span)],
        now: Timestamp,
    ) -> Result<Vec<AreaEntry>, Fault> {
        let beginnings = || rows.iter().map(|(_, span)| span.from);
        let (Some(first), Some(last)) = (beginnings().min(), beginnings().max()) else {
            return Ok(Vec::new());
        };
        let stored = unplaced::beginning(transaction, first, last).await?;
        let mut known: HashMap<(Unplaced, Timestamp), Option<UnplacedRow>> = stored
            .into_iter()
            .map(|stored| ((stored.row.clone(), stored.span.from), Some(stored)))
            .collect();
        let (mut new, mut lifted) = (Vec::new(), Vec::new());
        for (row, span) in rows {
            let name = (row.clone(), span.from);
            match known.get_mut(&name) {
                None => {
                    new.push((self.row_id(now), row.clone(), *span));
                    known.insert(name, None);
                }
                // Stated twice.
                Some(None) => {}
                Some(Some(stored)) => {
                    if let (None, Some(to)) = (stored.span.to, span.to) {
                        stored.span = *span;
                        unplaced::end(transaction, &[stored.number], to).await?;
                        let placed = stored.placement.as_ref();
                        lifted.extend(placed.map(|placement| stored.area(placement, now)));
                    }
                }
            }
        }
        unplaced::insert(transaction, &new).await?;
        Ok(lifted)
    }
}

type Known = (DivisionCode, Option<String>, RiskLevel, Timestamp);

fn changes(book: &AreaBook, read: &Intervals, recorded_at: Timestamp) -> Changes {
    let known: HashMap<Known, Option<Timestamp>> = book
        .latest()
        .map(|area| ((area.code, area.community, area.level, area.from), area.to))
        .collect();
    let mut changes = Changes::default();
    for (listing, span) in &read.listings {
        let community = Some(listing.community.clone());
        let entry = AreaEntry {
            code: listing.code,
            community: community.clone(),
            level: listing.level,
            from: span.from,
            to: span.to,
            recorded_at,
        };
        match known.get(&(listing.code, community, listing.level, span.from)) {
            None => changes.opened.push(entry),
            // A table that was made before the end does not take it away.
            Some(to) if *to == span.to || span.to.is_none() => changes.unchanged += 1,
            Some(_) => changes.ended.push(entry),
        }
    }
    changes
}

fn refused(error: IntervalError) -> Fault {
    let IntervalError { line, column, wrong } = error;
    let zh = match wrong {
        Wrong::ColumnMissing => "缺少该列",
        Wrong::Unreadable => "该行不是UTF-8文本或列数与表头不符",
        Wrong::Level => "风险等级应为high、medium或low；重点地区只能由人员申报",
        Wrong::Code => "区划代码应为六位",
        Wrong::Instant => "时间应为带时区的RFC 3339格式",
        Wrong::EndsBeforeItBegins => "结束早于开始",
    };
    let mut fault = Fault::new(
        FaultCode::InvalidArgument,
        "INTERVALS_UNREADABLE",
        format!("表格第{line}行{column}列：{zh}；未导入任何内容"),
        format!("{error}; nothing was imported"),
    );
    let field = format!("line {line}.{column}");
    fault.violations = vec![Violation::new(field, "UNREADABLE", zh, wrong.to_string())];
    fault
}
