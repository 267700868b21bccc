//! One pull of a database, page by page. The rows of a page are acknowledged before its cursor is stored.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, Violation};
use lutong_proto::declaration::v1::FactRow;
use lutong_transport::access::FeedGrant;
use lutong_transport::client::Call;

use super::{LEASE, Puller};
use crate::config::PullSource;
use crate::fault;
use crate::feeds::domain::MAX_ROWS;
use crate::peers::{ReportOptions, RowOutcome};
use crate::pulls::domain::{CursorCycle, PullFailure};
use crate::pulls::store::refusals::Refusal;
use crate::pulls::store::{self, Counts, Progress};

/// The deadline of a call to another service with the rows of a page.
const REPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// A row and its position.
#[derive(Clone)]
struct PageRow {
    /// The cursor of the request for its page.
    after: String,
    /// The number of the row in its page, from 1.
    number: i32,
    row: FactRow,
}

/// A running pull.
struct PullRound<'a> {
    puller: &'a Puller,
    source: &'a PullSource,
    owner: &'a str,
    /// Rows that correct statements of a later page. Until that page the cursor does not move.
    waiting: Vec<PageRow>,
    progress: Progress,
}

impl Puller {
    /// Pulls everything after `cursor`. Rows that were acknowledged before a failure stay; when they come again they are unchanged.
    pub(super) async fn pull(
        &self,
        source: &PullSource,
        owner: &str,
        mut cursor: String,
    ) -> Result<(), PullFailure> {
        let mut cycle = CursorCycle::starting_at(&cursor);
        let mut round = PullRound {
            puller: self,
            source,
            owner,
            waiting: Vec::new(),
            progress: Progress::default(),
        };
        loop {
            let page = source.endpoint.page(&cursor, source.page_size).await?;
            if page.rows.len() > source.page_size as usize {
                return Err(PullFailure::too_many_rows(source.page_size));
            }
            let moves = page.more || !page.rows.is_empty();
            if moves && page.next == cursor {
                return Err(PullFailure::cursor_stuck());
            }
            round.take(&cursor, page.rows).await?;
            if !page.more || round.waiting.len() >= MAX_ROWS {
                round.settle().await?;
            }
            if round.waiting.is_empty() && page.next != cursor {
                round.progress.cursor = Some(page.next.clone());
            }
            round.commit().await?;
            if !page.more {
                return Ok(());
            }
            cycle.add(&page.next)?;
            cursor = page.next;
        }
    }
}

impl PullRound<'_> {
    /// Reports the rows of a page.
    async fn take(&mut self, after: &str, rows: Vec<Result<FactRow, Violation>>) -> Result<(), PullFailure> {
        let mut page_rows = Vec::with_capacity(rows.len());
        for (number, row) in (1..).zip(rows) {
            let after = after.to_owned();
            match row {
                Ok(row) => page_rows.push(PageRow { after, number, row }),
                Err(wrong) => self.refuse(after, number, &wrong),
            }
        }
        self.report(page_rows, true).await
    }

    /// Reports the waiting rows for the last time.
    async fn settle(&mut self) -> Result<(), PullFailure> {
        let waiting = std::mem::take(&mut self.waiting);
        for together in waiting.chunks(MAX_ROWS) {
            self.report(together.to_vec(), false).await?;
        }
        Ok(())
    }

    async fn report(&mut self, rows: Vec<PageRow>, may_wait: bool) -> Result<(), PullFailure> {
        let facts = rows.iter().map(|one| one.row.clone()).collect();
        let outcomes = self.puller.report_split(&self.source.grant, facts).await?;
        for (one, outcome) in rows.into_iter().zip(outcomes) {
            match outcome {
                RowOutcome::Stored => self.progress.counts.accepted += 1,
                RowOutcome::Unchanged => self.progress.counts.unchanged += 1,
                // The first violation is enough: an operator looks the row up in the database.
                RowOutcome::Refused(wrong) => match wrong.first() {
                    Some(wrong) if wrong.reason == "CASE_NOT_IN_FORCE" => {
                        return Err(PullFailure::case_not_in_force());
                    }
                    Some(wrong) if wrong.reason == "TARGET_UNKNOWN" && may_wait => self.waiting.push(one),
                    Some(wrong) => self.refuse(one.after, one.number, wrong),
                    None => return Err(Fault::internal("a row was refused without a violation").into()),
                },
            }
        }
        Ok(())
    }

    fn refuse(&mut self, after: String, row: i32, wrong: &Violation) {
        self.progress.counts.refused += 1;
        // The name of an unknown field comes from the database and may contain anything.
        let field = match &*wrong.reason {
            "UNKNOWN_FIELD" => wrong
                .field
                .rsplit_once('.')
                .map_or("", |(outer, _)| outer)
                .to_owned(),
            _ => wrong.field.clone(),
        };
        self.progress.refusals.push(Refusal {
            after,
            row,
            field,
            reason: wrong.reason.to_string(),
            at: self.puller.clock.now(),
        });
    }

    async fn commit(&mut self) -> Result<(), PullFailure> {
        let progress = std::mem::take(&mut self.progress);
        let (name, owner) = (self.source.grant.source.clone(), self.owner.to_owned());
        count_rows(&name, progress.counts);
        let now = self.puller.clock.now();
        let lease = (now, now.plus(LEASE));
        lutong_failpoint::hit("declaration.pulled");
        let advanced = self.puller.write(move |transaction| {
            async move { store::advance(transaction, (&name, &owner), progress, lease).await }.boxed()
        });
        if advanced.await? {
            return Ok(());
        }
        Err(PullFailure::lease_lost())
    }
}

impl Puller {
    /// Reports rows in the service's own name. When a subject has too many facts, the rows are halved until only the rows of that subject
    /// are refused.
    async fn report_split(&self, grant: &FeedGrant, rows: Vec<FactRow>) -> Result<Vec<RowOutcome>, Fault> {
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut parts = vec![rows];
        while let Some(mut part) = parts.pop() {
            let call = Call::background(REPORT_TIMEOUT);
            match self
                .feeds
                .report(&call, grant, part.clone(), ReportOptions::default())
                .await
            {
                Ok(reported) => outcomes.extend(reported.outcomes),
                Err(fault) if fault.reason != "TOO_MANY_FACTS" => return Err(fault),
                Err(_) if part.len() > 1 => {
                    let tail = part.split_off(part.len() / 2);
                    parts.extend([tail, part]);
                }
                Err(refusal) => outcomes.push(RowOutcome::Refused(vec![fault::of_row(refusal)])),
            }
        }
        Ok(outcomes)
    }
}

fn count_rows(source: &str, counts: Counts) {
    let outcomes = [
        ("accepted", counts.accepted),
        ("unchanged", counts.unchanged),
        ("refused", counts.refused),
    ];
    for (outcome, count) in outcomes {
        let labels = [("source", source.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("lutong_pull_rows_total", &labels).increment(count.unsigned_abs());
    }
}
