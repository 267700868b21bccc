//! Options and outcomes of rows that are reported to risk-rules.

use lutong_kernel::Violation;
use uuid::Uuid;

/// The outcome of one row.
#[derive(Debug, Clone)]
pub enum RowOutcome {
    Stored,
    Unchanged,
    /// Every violation of the row; never empty.
    Refused(Vec<Violation>),
}

/// Options of a report.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportOptions {
    /// With one bad row nothing is stored.
    pub all_or_nothing: bool,
    /// The pending operation of earlier rows of the same import, which risk-rules continues.
    pub operation: Option<Uuid>,
}

/// The outcomes of rows, in order, and their effect.
#[derive(Debug)]
pub struct ReportOutcome {
    pub outcomes: Vec<RowOutcome>,
    pub redecided: i64,
    /// The operation of risk-rules that brings the rest into force; `None` when everything is in force.
    pub pending: Option<Uuid>,
}
