//! Checks the rows of a feed against its grant and reports them to risk-rules.

use lutong_kernel::{DivisionCode, Fault, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::declaration::v1::FactRow;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::facts::{FactKind, Given, Shape};
use lutong_proto::risk_rules::v1::fact_statement;
use lutong_proto::types::v1::Fact;
use lutong_transport::access::{FeedGrant, FeedPermit};
use lutong_transport::client::Call;
use uuid::Uuid;

use super::domain::check_kind;
use crate::fault;
use crate::peers::{Document, FactStatement, Peers, ReportOptions, ReportOutcome, RowOutcome};

/// Errors that an answer lists at the most.
const MAX_ERRORS: usize = 1_000;

/// A row that the feed may report: its document, unless it names a subject, and its statement.
#[derive(Debug, Clone)]
pub struct Row {
    document: Option<Document>,
    pub statement: FactStatement,
}

/// The summary of an import.
#[derive(Debug, Default)]
pub struct ImportSummary {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
    /// Row, counted from 1, and violation; the first thousand.
    pub errors: Vec<(i64, Violation)>,
    /// Subjects that were decided again.
    pub redecided: i64,
    /// The operation that brings the rest into force.
    pub pending: Option<Uuid>,
    rows: i64,
}

/// The feeds of authorities; cheap to clone.
#[derive(Clone)]
pub struct Feeds {
    pub peers: Peers,
}

impl Feeds {
    pub const fn new(peers: Peers) -> Self {
        Self { peers }
    }

    /// Imports the rows of one message. With `all_or_nothing` one bad row refuses all of them.
    pub async fn import(
        &self,
        permit: &FeedPermit,
        call: &Call,
        rows: Vec<FactRow>,
        all_or_nothing: bool,
        summary: &mut ImportSummary,
    ) -> Result<(), Fault> {
        let options = ReportOptions {
            all_or_nothing,
            operation: summary.pending,
        };
        let reported = self.report(call, permit.feed(), rows, options).await?;
        for outcome in reported.outcomes {
            summary.count(outcome);
        }
        summary.redecided += reported.redecided;
        summary.pending = reported.pending.or(summary.pending);
        Ok(())
    }

    /// Reports the rows of a feed and returns their outcomes, in order.
    pub async fn report(
        &self,
        call: &Call,
        feed: &FeedGrant,
        rows: Vec<FactRow>,
        options: ReportOptions,
    ) -> Result<ReportOutcome, Fault> {
        let checked = self.checked_rows(call, feed, rows).await?;
        if options.all_or_nothing {
            refuse_any(&checked)?;
        }
        let (mut good, mut outcomes) = (
            Vec::with_capacity(checked.len()),
            Vec::with_capacity(checked.len()),
        );
        for row in checked {
            match row {
                Ok(statement) => {
                    good.push(statement);
                    outcomes.push(None);
                }
                Err(wrong) => outcomes.push(Some(RowOutcome::Refused(wrong))),
            }
        }
        let stored = self.peers.append_reported(call, good, options).await?;
        let mut of_good = stored.outcomes.into_iter();
        let too_few = || Fault::internal("risk-rules answered fewer outcomes than it was sent statements");
        let outcome = |outcome: Option<RowOutcome>| outcome.or_else(|| of_good.next()).ok_or_else(too_few);
        Ok(ReportOutcome {
            outcomes: outcomes.into_iter().map(outcome).collect::<Result<_, _>>()?,
            redecided: stored.redecided,
            pending: stored.pending,
        })
    }

    /// The statement of each row that the feed may report, about a subject, or the violations of the row.
    pub async fn checked_rows(
        &self,
        call: &Call,
        feed: &FeedGrant,
        rows: Vec<FactRow>,
    ) -> Result<Vec<Result<FactStatement, Vec<Violation>>>, Fault> {
        let mut checked: Vec<_> = rows.into_iter().map(|row| check(row, feed)).collect();
        self.resolve(call, &mut checked).await?;
        Ok(checked
            .into_iter()
            .map(|row| row.map(|row| row.statement))
            .collect())
    }

    /// Replaces documents by subjects. A row whose document identity refuses is refused.
    async fn resolve(&self, call: &Call, rows: &mut [Result<Row, Vec<Violation>>]) -> Result<(), Fault> {
        let documents: Vec<Document> = rows
            .iter_mut()
            .flatten()
            .filter_map(|row| row.document.clone())
            .collect();
        if documents.is_empty() {
            return Ok(());
        }
        let mut resolved = self.peers.resolve(call, documents).await?.into_iter();
        for slot in rows.iter_mut() {
            let Ok(row) = slot else { continue };
            if row.document.take().is_none() {
                continue;
            }
            let subject = resolved
                .next()
                .ok_or_else(|| Fault::internal("identity resolved fewer documents than it was sent"))?;
            match subject {
                Ok(subject) => row.statement.subject_id = subject,
                Err(wrong) => *slot = Err(vec![wrong]),
            }
        }
        Ok(())
    }
}

impl ImportSummary {
    fn count(&mut self, outcome: RowOutcome) {
        self.rows += 1;
        match outcome {
            RowOutcome::Stored => self.accepted += 1,
            RowOutcome::Unchanged => self.unchanged += 1,
            RowOutcome::Refused(wrong) => {
                self.refused += 1;
                let room = MAX_ERRORS.saturating_sub(self.errors.len());
                let row = self.rows;
                self.errors
                    .extend(wrong.into_iter().take(room).map(|wrong| (row, wrong)));
            }
        }
    }
}

/// Checks the bounds of a row and the grant of the feed. Risk-rules checks whether its values contradict each other.
fn check(row: FactRow, feed: &FeedGrant) -> Result<Row, Vec<Violation>> {
    if row.source != feed.source {
        return Err(vec![fault::source_not_own()]);
    }
    if let Some((fact, field)) = fact_of(&row) {
        check_kind_of(fact, field, feed).map_err(|wrong| vec![wrong])?;
    }
    row.check().map_err(|fault| fault.violations)?;
    if let Some((fact, field)) = fact_of(&row) {
        check_place(fact, field, feed).map_err(|wrong| vec![wrong])?;
    }
    let (document, subject_id) = match row.subject {
        Some(Subject::Document(document)) => (Some(document), String::new()),
        Some(Subject::SubjectId(subject)) => (None, subject),
        None => (None, String::new()),
    };
    let statement = row.statement.map(|statement| match statement {
        Statement::Fact(fact) => fact_statement::Statement::Fact(fact),
        Statement::Correction(correction) => fact_statement::Statement::Correction(correction),
        Statement::Retraction(retraction) => fact_statement::Statement::Retraction(retraction),
    });
    Ok(Row {
        document,
        statement: FactStatement {
            source: row.source,
            key: row.key,
            subject_id,
            statement,
        },
    })
}

/// The fact of a row, and its field.
fn fact_of(row: &FactRow) -> Option<(&Fact, &'static str)> {
    match row.statement.as_ref()? {
        Statement::Fact(fact) => Some((fact, "fact")),
        Statement::Correction(correction) => Some((correction.fact.as_ref()?, "correction.fact")),
        Statement::Retraction(_) => None,
    }
}

/// Checks that the kind of a fact was granted and can be granted.
fn check_kind_of(fact: &Fact, field: &str, feed: &FeedGrant) -> Result<(), Violation> {
    let Some(kind) = fact.fact_kind() else {
        return Ok(());
    };
    let is_granted = feed.kinds.iter().any(|granted| granted == kind.as_str());
    if check_kind(kind.as_str()).is_err() || !is_granted {
        return Err(fault::kind_not_granted(format!("{field}.{kind}")));
    }
    Ok(())
}

/// Checks that a fact names no place outside the divisions of the feed.
fn check_place(fact: &Fact, field: &str, feed: &FeedGrant) -> Result<(), Violation> {
    let Some(kind) = fact.fact_kind() else {
        return Ok(());
    };
    match foreign_place(kind, fact, feed) {
        None => Ok(()),
        Some(attribute) => Err(fault::division_not_granted(format!("{field}.{kind}.{attribute}"))),
    }
}

/// The attribute that names a division outside the feed's divisions. A `facility` is text and a `country` is abroad.
fn foreign_place(kind: FactKind, fact: &Fact, feed: &FeedGrant) -> Option<&'static str> {
    if feed.divisions.is_empty() {
        return None;
    }
    let named = kind.attributes().iter().zip(fact.values());
    let mut places = named.filter(|(attribute, _)| attribute.shape == Shape::Division);
    let is_own = |given: &Option<Given<'_>>| match given {
        Some(Given::Text(text)) => DivisionCode::parse(text).is_ok_and(|place| feed.covers(place)),
        _ => true,
    };
    places
        .find(|(_, given)| !is_own(given))
        .map(|(attribute, _)| attribute.field)
}

/// Refuses all rows when one of them is bad.
fn refuse_any<T>(rows: &[Result<T, Vec<Violation>>]) -> Result<(), Fault> {
    let bad = rows
        .iter()
        .enumerate()
        .filter_map(|(n, row)| Some((n, row.as_ref().err()?)));
    let bad: Vec<_> = bad.collect();
    if bad.is_empty() {
        return Ok(());
    }
    let refused = bad.len();
    let named = |(n, wrong): (usize, &Vec<Violation>)| {
        let in_row = move |one: &Violation| one.clone().within(&format!("rows[{n}]"));
        wrong.iter().map(in_row).collect::<Vec<_>>()
    };
    Err(fault::rows_refused(
        refused,
        bad.into_iter().flat_map(named).collect(),
    ))
}
