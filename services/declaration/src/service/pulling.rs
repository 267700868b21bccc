//! One round of asking a database: page by page, each one's rows acknowledged before its cursor is.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, Violation};
use lutong_proto::declaration::v1::FactRow;
use lutong_transport::access::FeedGrant;
use lutong_transport::client::Call;

use super::pulls::{LEASE, Puller};
use crate::config::PullSource;
use crate::domain::feed::MAX_ROWS;
use crate::domain::pull::{PullFailure, Round};
use crate::peers::{Reporting, RowOutcome};
use crate::store::pulls::{self, Counts, Progress, Refusal};

/// For the rows of one page, at each of the parts that they go through.
const WITHIN: Duration = Duration::from_secs(10);

/// A row and where it stood.
#[derive(Clone)]
struct Placed {
    after: String,
    /// From 1.
    number: i32,
    row: FactRow,
}

/// What is under way in a round.
struct Pulling<'a> {
    puller: &'a Puller,
    source: &'a PullSource,
    owner: &'a str,
    /// Rows about statements that have not come yet: a later page may bring them. Until then the cursor stays.
    waiting: Vec<Placed>,
    progress: Progress,
}

impl Puller {
    /// Asks for everything after `cursor`. Whatever was acknowledged before a failure stays; what comes again is unchanged.
    pub(super) async fn pull(
        &self,
        source: &PullSource,
        owner: &str,
        mut cursor: String,
    ) -> Result<(), PullFailure> {
        let mut round = Round::from(&cursor);
        let mut pulling = Pulling {
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
            pulling.take(&cursor, page.rows).await?;
            if !page.more || pulling.waiting.len() >= MAX_ROWS {
                pulling.settle().await?;
            }
            if pulling.waiting.is_empty() && page.next != cursor {
                pulling.progress.cursor = Some(page.next.clone());
            }
            pulling.commit().await?;
            if !page.more {
                return Ok(());
            }
            round.take(&page.next)?;
            cursor = page.next;
        }
    }
}

impl Pulling<'_> {
    /// Reports a page's rows.
    async fn take(&mut self, after: &str, rows: Vec<Result<FactRow, Violation>>) -> Result<(), PullFailure> {
        let mut placed = Vec::with_capacity(rows.len());
        for (number, row) in (1..).zip(rows) {
            let after = after.to_owned();
            match row {
                Ok(row) => placed.push(Placed { after, number, row }),
                Err(wrong) => self.refuse(after, number, &wrong),
            }
        }
        self.report(placed, true).await
    }

    /// Reports the rows that waited, for the last time.
    async fn settle(&mut self) -> Result<(), PullFailure> {
        let waiting = std::mem::take(&mut self.waiting);
        for together in waiting.chunks(MAX_ROWS) {
            self.report(together.to_vec(), false).await?;
        }
        Ok(())
    }

    async fn report(&mut self, placed: Vec<Placed>, may_wait: bool) -> Result<(), PullFailure> {
        let rows = placed.iter().map(|one| one.row.clone()).collect();
        let outcomes = self.puller.report_apart(&self.source.grant, rows).await?;
        for (one, outcome) in placed.into_iter().zip(outcomes) {
            match outcome {
                RowOutcome::Stored => self.progress.counts.accepted += 1,
                RowOutcome::Unchanged => self.progress.counts.unchanged += 1,
                // The first is enough here: the database is asked about the row.
                RowOutcome::Refused(wrong) => match wrong.first() {
                    Some(wrong) if wrong.reason == "CASE_NOT_IN_FORCE" => {
                        return Err(PullFailure::case_not_in_force());
                    }
                    Some(wrong) if wrong.reason == "TARGET_UNKNOWN" && may_wait => self.waiting.push(one),
                    Some(wrong) => self.refuse(one.after, one.number, wrong),
                    None => return Err(Fault::internal().into()),
                },
            }
        }
        Ok(())
    }

    fn refuse(&mut self, after: String, row: i32, wrong: &Violation) {
        self.progress.counts.refused += 1;
        // A field that nobody knows was named by the database: it may be anything.
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
            at: self.puller.declaring.clock.now(),
        });
    }

    async fn commit(&mut self) -> Result<(), PullFailure> {
        let progress = std::mem::take(&mut self.progress);
        let (name, owner) = (self.source.grant.source.clone(), self.owner.to_owned());
        count_rows(&name, progress.counts);
        let now = self.puller.declaring.clock.now();
        let term = (now, now.plus(LEASE));
        lutong_failpoint::hit("declaration.pulled");
        let advanced = self.puller.write(move |transaction| {
            async move { pulls::advance(transaction, (&name, &owner), progress, term).await }.boxed()
        });
        if advanced.await? {
            return Ok(());
        }
        Err(PullFailure::lease_lost())
    }
}

impl Puller {
    /// Reports rows in the service's own name. Somebody who would have too many facts spoils nobody else's row: the rows
    /// are halved until only such a one's are refused.
    async fn report_apart(&self, grant: &FeedGrant, rows: Vec<FactRow>) -> Result<Vec<RowOutcome>, Fault> {
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut parts = vec![rows];
        while let Some(mut part) = parts.pop() {
            let call = Call::background(WITHIN);
            match self
                .declaring
                .report(&call, grant, part.clone(), Reporting::default())
                .await
            {
                Ok(reported) => outcomes.extend(reported.outcomes),
                Err(fault) if fault.reason != "TOO_MANY_FACTS" => return Err(fault),
                Err(_) if part.len() > 1 => {
                    let tail = part.split_off(part.len() / 2);
                    parts.extend([tail, part]);
                }
                Err(fault) => {
                    let Fault { reason, zh, en, .. } = fault;
                    outcomes.push(RowOutcome::Refused(vec![Violation::new(
                        "subject_id",
                        reason,
                        zh,
                        en,
                    )]));
                }
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
