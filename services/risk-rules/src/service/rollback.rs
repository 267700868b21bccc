//! Undoing what a feed reported in a span of time, page by page, as new statements.

use std::collections::BTreeMap;

use lutong_chassis::access::AnyPermit;
use lutong_chassis::client::Call;
use lutong_kernel::{FactId, Fault, SubjectId, Timestamp};

use super::appending::Batch;
use super::deciding::Decider;
use super::statement::{Content, Statement};
use crate::domain::rollback::{Rollback, Stated, plan};
use crate::grpc::statement::StatementReader;
use crate::store::statements::{self, StatementRow};

/// Subjects of one transaction.
const PAGE: u64 = 100;

/// What to undo.
#[derive(Debug, Clone)]
pub struct Span {
    pub source: String,
    pub from: Timestamp,
    pub until: Timestamp,
    pub reason: String,
}

/// What was undone, or would be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Undone {
    pub subjects: usize,
    pub retracted: usize,
    pub restated: usize,
    pub redecided: usize,
    pub pending: bool,
}

impl Decider {
    pub async fn roll_back(
        &self,
        _permit: AnyPermit,
        call: &Call,
        reader: &StatementReader,
        span: &Span,
        dry_run: bool,
    ) -> Result<Undone, Fault> {
        let (mut undone, mut after) = (Undone::default(), None);
        loop {
            let page = statements::reported_on(
                self.database.reader(),
                &span.source,
                (span.from, span.until),
                after,
                PAGE,
            )
            .await?;
            let Some(last) = page.last().copied() else {
                return Ok(undone);
            };
            after = Some(last);
            let statements = self.undoing(reader, span, &page, &mut undone).await?;
            if dry_run || statements.is_empty() {
                continue;
            }
            let batch = Batch {
                statements: statements.into_iter().map(Ok).collect(),
                ..Batch::default()
            };
            let appended = self.append(batch).await?;
            undone.redecided += appended.made.len();
            undone.pending |= !self.bring_into_force(call, &appended.made).await;
        }
    }

    /// The statements that undo a page of subjects. One that was corrected meanwhile is refused when it is appended, as it
    /// should be.
    async fn undoing(
        &self,
        reader: &StatementReader,
        span: &Span,
        page: &[SubjectId],
        undone: &mut Undone,
    ) -> Result<Vec<Statement>, Fault> {
        let cipher = self.ready().await?;
        let mut of: BTreeMap<SubjectId, Vec<StatementRow>> = BTreeMap::new();
        for row in statements::of_subjects(self.database.reader(), page).await? {
            if row.source == span.source {
                of.entry(row.subject).or_default().push(row);
            }
        }
        let mut undoing = Vec::new();
        for (subject, rows) in of {
            let stated: Vec<Stated> = rows.iter().map(stated).collect();
            let Rollback { retract, mut restate } = plan(&stated, (span.from, span.until));
            // A retraction is not itself retracted: what it took away is stated anew once.
            restate.retain(|id| !rows.iter().any(|row| row.key == restated(*id)));
            if retract.is_empty() && restate.is_empty() {
                continue;
            }
            undone.subjects += 1;
            undone.retracted += retract.len();
            undone.restated += restate.len();
            let row = |id: &FactId| rows.iter().find(|row| row.id == *id);
            for row in retract.iter().filter_map(row) {
                let content = Content::Retraction {
                    key: row.key.clone(),
                    reason: span.reason.clone(),
                };
                undoing.push(reader.own(&span.source, format!("rollback/{}", row.id), subject, content));
            }
            for row in restate.iter().filter_map(row) {
                if let Some(fact) = row.open(&cipher)? {
                    let content = Content::fact(fact.attributes, None);
                    undoing.push(reader.own(&span.source, restated(row.id), subject, content));
                }
            }
        }
        Ok(undoing)
    }
}

/// The key of what is stated anew.
fn restated(id: FactId) -> String {
    format!("restated/{id}")
}

fn stated(row: &StatementRow) -> Stated {
    Stated {
        id: row.id,
        target: row.target,
        is_fact: row.kind.is_some(),
        recorded_at: row.recorded_at,
        is_superseded: row.superseded_at.is_some(),
    }
}
