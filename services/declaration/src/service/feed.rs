//! What authorities report: a feed's own kinds, within its divisions, under its own name.

use lutong_chassis::access::{FeedGrant, Grant};
use lutong_chassis::client::Call;
use lutong_kernel::{DivisionCode, Fault, FaultCode, Violation};

use super::declaring::Declaring;
use crate::domain::feed::check_kind;
use crate::grpc::peers::{Document, FactStatement};

/// Rows of one message, and of an all-or-nothing import.
pub const MAX_ROWS: usize = 1_000;
/// Errors told.
const MAX_ERRORS: usize = 1_000;

/// A row: whom it is about, by document or by subject, and the statement.
#[derive(Debug, Clone)]
pub struct Row {
    pub document: Option<Document>,
    pub statement: FactStatement,
}

/// What became of an import.
#[derive(Debug)]
pub struct Imported {
    pub accepted: i64,
    pub unchanged: i64,
    pub refused: i64,
    /// Row, counted from 1, and what is wrong; the first thousand.
    pub errors: Vec<(i64, Violation)>,
    pub in_force: bool,
    rows: i64,
}

/// What became of one row at risk-rules.
#[derive(Debug, Clone)]
pub enum RowOutcome {
    Stored,
    Unchanged,
    Refused(Violation),
}

impl Default for Imported {
    fn default() -> Self {
        Self {
            accepted: 0,
            unchanged: 0,
            refused: 0,
            errors: Vec::new(),
            in_force: true,
            rows: 0,
        }
    }
}

impl Declaring {
    /// Imports rows of one message. With `all_or_nothing` one bad row refuses all of them.
    pub async fn import(
        &self,
        grant: &Grant,
        rows: Vec<Row>,
        all_or_nothing: bool,
        imported: &mut Imported,
    ) -> Result<(), Fault> {
        grant.any()?;
        let feed = grant.principal().feed.clone().ok_or_else(no_feed)?;
        let (outcomes, in_force) = self.report(&grant.call(), &feed, rows, all_or_nothing).await?;
        for outcome in outcomes {
            imported.count(outcome);
        }
        imported.in_force &= in_force;
        Ok(())
    }

    /// What becomes of the rows of a feed, in order, and whether all that was stored is in force.
    pub(super) async fn report(
        &self,
        call: &Call,
        feed: &FeedGrant,
        rows: Vec<Row>,
        all_or_nothing: bool,
    ) -> Result<(Vec<RowOutcome>, bool), Fault> {
        let mut checked: Vec<Result<Row, Violation>> = rows.into_iter().map(|row| check(row, feed)).collect();
        self.resolve(call, &mut checked).await?;
        if all_or_nothing {
            refuse_any(&checked)?;
        }
        let good: Vec<FactStatement> = checked
            .iter()
            .flatten()
            .map(|row| row.statement.clone())
            .collect();
        let (stored, in_force) = self.peers.append_reported(call, good, all_or_nothing).await?;
        let mut stored = stored.into_iter();
        let outcome = |row: Result<Row, Violation>| match row {
            Ok(_) => stored.next().ok_or_else(Fault::internal),
            Err(wrong) => Ok(RowOutcome::Refused(wrong)),
        };
        let outcomes = checked.into_iter().map(outcome).collect::<Result<_, _>>()?;
        Ok((outcomes, in_force))
    }

    /// Documents become subjects; what identity refuses is refused.
    async fn resolve(&self, call: &Call, rows: &mut [Result<Row, Violation>]) -> Result<(), Fault> {
        let documents: Vec<Document> = rows
            .iter()
            .flatten()
            .filter_map(|row| row.document.clone())
            .collect();
        if documents.is_empty() {
            return Ok(());
        }
        let mut resolved = self.peers.resolve(call, documents).await?.into_iter();
        for slot in rows.iter_mut() {
            let Ok(row) = slot else { continue };
            if row.document.is_none() {
                continue;
            }
            match resolved.next().ok_or_else(Fault::internal)? {
                Ok(subject) => row.statement.subject_id = subject,
                Err(wrong) => *slot = Err(wrong),
            }
        }
        Ok(())
    }
}

impl Imported {
    fn count(&mut self, outcome: RowOutcome) {
        self.rows += 1;
        match outcome {
            RowOutcome::Stored => self.accepted += 1,
            RowOutcome::Unchanged => self.unchanged += 1,
            RowOutcome::Refused(wrong) => {
                self.refused += 1;
                if self.errors.len() < MAX_ERRORS {
                    self.errors.push((self.rows, wrong));
                }
            }
        }
    }
}

fn check(row: Row, feed: &FeedGrant) -> Result<Row, Violation> {
    let statement = &row.statement;
    if statement.source != feed.source {
        return Err(Violation::new(
            "source",
            "SOURCE_NOT_OWN",
            "来源须为本数据源的登记名称",
            "is not the caller's own registered name",
        ));
    }
    if row.document.is_some() != statement.subject_id.is_empty() {
        return Err(Violation::new(
            "document",
            "DOCUMENT_OR_SUBJECT",
            "证件与人员编号须且仅须填写一项",
            "either a document or a subject_id, not both",
        ));
    }
    let is_fact = statement.retract_key.is_empty();
    if is_fact && !may_report(feed, &statement.kind) {
        return Err(Violation::new(
            "kind",
            "KIND_NOT_GRANTED",
            "本数据源无权报送该类记录",
            "the feed may not report facts of this kind",
        ));
    }
    if !names_own_place(feed, statement) {
        return Err(Violation::new(
            "attributes.division",
            "DIVISION_NOT_GRANTED",
            "该地区不在本数据源的报送范围内",
            "lies outside the feed's divisions",
        ));
    }
    Ok(row)
}

/// A kind that was granted, of those that a feed can be granted.
fn may_report(feed: &FeedGrant, kind: &str) -> bool {
    check_kind(kind).is_ok() && feed.kinds.iter().any(|granted| granted == kind)
}

/// `division` is the one attribute of a reportable kind that names a place (`facility` is text, `country` lies abroad).
/// What cannot be read as a division is none of the feed's.
fn names_own_place(feed: &FeedGrant, statement: &FactStatement) -> bool {
    let fields = statement.attributes.as_ref().map(|given| &given.fields);
    let Some(value) = fields.and_then(|fields| fields.get("division")) else {
        return true;
    };
    if feed.divisions.is_empty() {
        return true;
    }
    let Some(prost_types::value::Kind::StringValue(text)) = &value.kind else {
        return false;
    };
    DivisionCode::parse(text).is_ok_and(|place| feed.covers(place))
}

fn no_feed() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "FEED_NOT_REGISTERED",
        "该账号未登记为数据源",
        "the account is not registered as a feed",
    )
}

fn refuse_any(rows: &[Result<Row, Violation>]) -> Result<(), Fault> {
    let wrong = rows
        .iter()
        .enumerate()
        .filter_map(|(n, row)| Some((n, row.as_ref().err()?)));
    let wrong: Vec<_> = wrong
        .map(|(n, one)| one.clone().within(&format!("rows[{n}]")))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut fault = Fault::new(
        FaultCode::InvalidArgument,
        "ROWS_REFUSED",
        format!("{}行有误，均未保存", wrong.len()),
        format!("{} rows are wrong and nothing was stored", wrong.len()),
    );
    fault.violations = wrong;
    Err(fault)
}
