//! The statements that undo what a feed reported, page by page.

use std::collections::BTreeMap;

use lutong_kernel::{FactId, Fault, SubjectId};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;

use crate::facts::service::reader::StatementReader;
use crate::facts::service::statement::{Content, Statement};
use crate::facts::store::statements::{self, StatementRow};
use crate::rollbacks::domain::plan::{FeedStatement, Plan, plan};
use crate::rollbacks::domain::{FeedSpan, Outcome};

/// Number of subjects in one page.
const PAGE: u64 = 100;

/// A page of subjects, and the statements that undo what was reported about them.
pub struct UndoPage {
    pub last: SubjectId,
    pub counted: Outcome,
    pub statements: Vec<Statement>,
}

/// Makes pages of undoing statements. Cheap to clone.
#[derive(Clone)]
pub struct UndoPages {
    database: Database,
    fields: FieldCipher,
    reader: StatementReader,
}

impl UndoPages {
    pub const fn new(database: Database, fields: FieldCipher, reader: StatementReader) -> Self {
        Self {
            database,
            fields,
            reader,
        }
    }

    /// The next page of subjects about whom the feed reported in the span; `None` after the last one.
    pub async fn next(&self, span: &FeedSpan, after: Option<SubjectId>) -> Result<Option<UndoPage>, Fault> {
        let reader = self.database.reader();
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
        let mut page = UndoPage {
            last,
            counted: Outcome::default(),
            statements: Vec::new(),
        };
        for (subject, rows) in of {
            self.undo_subject(span, subject, &rows, &mut page).await?;
        }
        Ok(Some(page))
    }

    /// Adds the statements that undo what was reported about one subject. If a fact is corrected meanwhile, its statement is rejected
    /// when it is appended, and the correction is kept.
    async fn undo_subject(
        &self,
        span: &FeedSpan,
        subject: SubjectId,
        rows: &[StatementRow],
        page: &mut UndoPage,
    ) -> Result<(), Fault> {
        let stated: Vec<FeedStatement> = rows.iter().map(feed_statement).collect();
        let Plan { retract, mut restate } = plan(&stated, (span.from, span.until));
        // A retraction itself cannot be retracted; what it retracted is restated once.
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
        let cipher = self.fields.ready().await?;
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

/// The key of a restated fact.
fn restated(id: FactId) -> String {
    format!("restated/{id}")
}

fn feed_statement(row: &StatementRow) -> FeedStatement {
    FeedStatement {
        id: row.id,
        target: row.target,
        is_fact: row.kind.is_some(),
        recorded_at: row.recorded_at,
        is_superseded: row.superseded_at.is_some(),
    }
}
