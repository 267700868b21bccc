//! Carrying a rollback out, subject by subject.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use lutong_kernel::{FactId, Fault, SubjectId};
use lutong_storage::StorageError;
use lutong_transport::client::Call;

use super::{Rollbacks, Signature};
use crate::domain::rollback::plan::{Plan, Stated, plan};
use crate::domain::rollback::{Outcome, Proposal, Span, State};
use crate::service::appending::Batch;
use crate::service::statement::{Content, Statement};
use crate::store::statements::{self, StatementRow};
use crate::store::{operation_subjects, rollbacks};
use lutong_chassis::operations::{Ended, Kind, Operation, store as operations};

/// Subjects of one transaction.
const PAGE: u64 = 100;

/// A page of subjects and the statements that undo what was reported of them.
pub(super) struct Page {
    pub last: SubjectId,
    pub counted: Outcome,
    pub statements: Vec<Statement>,
}

impl Rollbacks {
    /// Undoes what is left of an approved rollback, brings it into force and notes its end with that of its operation.
    pub(super) async fn undo(&self, call: &Call, proposal: &Proposal) -> Result<(), Fault> {
        let target = proposal.name();
        let reader = self.decider.database.reader();
        let operation = operations::of_target(reader, Kind::RollBack, &target).await?;
        let mut after = proposal.after;
        while let Some(page) = self.page(&proposal.span, after).await? {
            self.undo_page(call, proposal, operation.as_ref(), &page).await?;
            after = Some(page.last);
        }
        if let Some(operation) = &operation
            && !self.decider.bring_waiting(operation.id).await?
        {
            return Err(Fault::unavailable("code-rendering"));
        }
        let approver = proposal
            .approved
            .as_ref()
            .map_or("", |approved| &approved.officer);
        let closed = Signature {
            officer: approver.to_owned(),
            at: self.decider.clock.now(),
        };
        let id = proposal.id;
        let done: Result<(), StorageError> = self
            .decider
            .database
            .write(move |transaction| {
                async move {
                    rollbacks::close(transaction, id, State::Done, &closed).await?;
                    let ended = (Kind::RollBack, target.as_str());
                    operations::finish_of(transaction, ended, Ended::Succeeded, closed.at).await
                }
                .boxed()
            })
            .await;
        Ok(done?)
    }

    async fn undo_page(
        &self,
        call: &Call,
        proposal: &Proposal,
        operation: Option<&Operation>,
        page: &Page,
    ) -> Result<(), Fault> {
        let (id, operation) = (proposal.id, operation.map(|one| one.id));
        let (mut outcome, mut waiting) = (page.counted, Vec::new());
        if !page.statements.is_empty() {
            let appended = self.decider.append(batch(page.statements.clone())).await?;
            let refused = appended.results.iter().filter(|result| result.is_err()).count();
            if refused > 0 {
                // Whoever corrected one meanwhile has said what is right.
                tracing::info!(rollback = %id, refused, "statements were corrected while they were being undone");
            }
            outcome.redecided = appended.made.len();
            if !self.decider.bring_into_force(call, &appended.made).await {
                waiting = appended.made.iter().map(|one| one.subject).collect();
            }
        }
        let last = page.last;
        let advanced: Result<(), StorageError> = self
            .decider
            .database
            .write(move |transaction| {
                async move {
                    if let Some(operation) = operation {
                        operation_subjects::add(transaction, operation, &waiting).await?;
                        let done = u64::try_from(outcome.subjects).unwrap_or(u64::MAX);
                        operations::add_done(transaction, operation, done).await?;
                    }
                    rollbacks::advance(transaction, id, last, &outcome).await
                }
                .boxed()
            })
            .await;
        Ok(advanced?)
    }

    /// The next subjects of whom the feed reported something in the span; `None` after the last.
    pub(super) async fn page(&self, span: &Span, after: Option<SubjectId>) -> Result<Option<Page>, Fault> {
        let reader = self.decider.database.reader();
        let times = (span.from, span.until);
        let subjects = statements::reported_on(reader, &span.source, times, after, PAGE).await?;
        let Some(last) = subjects.last().copied() else {
            return Ok(None);
        };
        let mut of: BTreeMap<SubjectId, Vec<StatementRow>> = BTreeMap::new();
        for row in statements::of_subjects(reader, &subjects).await? {
            if row.source == span.source {
                of.entry(row.subject).or_default().push(row);
            }
        }
        let mut page = Page {
            last,
            counted: Outcome::default(),
            statements: Vec::new(),
        };
        for (subject, rows) in of {
            self.undo_subject(span, subject, &rows, &mut page).await?;
        }
        Ok(Some(page))
    }

    /// The statements that undo what was reported of one subject. One that was corrected meanwhile is refused when it is
    /// appended, as it should be.
    async fn undo_subject(
        &self,
        span: &Span,
        subject: SubjectId,
        rows: &[StatementRow],
        page: &mut Page,
    ) -> Result<(), Fault> {
        let stated: Vec<Stated> = rows.iter().map(stated).collect();
        let Plan { retract, mut restate } = plan(&stated, (span.from, span.until));
        // A retraction is not itself retracted: what it took away is stated anew once.
        restate.retain(|id| !rows.iter().any(|row| row.key == restated(*id)));
        if retract.is_empty() && restate.is_empty() {
            return Ok(());
        }
        page.counted.subjects += 1;
        page.counted.retracted += retract.len();
        page.counted.restated += restate.len();
        let row = |id: &FactId| rows.iter().find(|row| row.id == *id);
        for row in retract.iter().filter_map(row) {
            let content = Content::Retraction {
                key: row.key.clone(),
                reason: span.reason.clone(),
            };
            let key = format!("rollback/{}", row.id);
            page.statements
                .push(self.reader.own(&span.source, key, subject, content));
        }
        let cipher = self.decider.ready().await?;
        for row in restate.iter().filter_map(row) {
            if let Some(fact) = row.open(&cipher)? {
                let content = Content::fact(fact.attributes, None);
                page.statements
                    .push(self.reader.own(&span.source, restated(row.id), subject, content));
            }
        }
        Ok(())
    }
}

pub(super) fn batch(statements: Vec<Statement>) -> Batch {
    Batch {
        statements: statements.into_iter().map(Ok).collect(),
        ..Batch::default()
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
