//! How rows are reported to risk-rules, and what became of them.

use lutong_kernel::Violation;
use uuid::Uuid;

/// What became of one row at risk-rules.
#[derive(Debug, Clone)]
pub enum RowOutcome {
    Stored,
    Unchanged,
    /// Everything that is wrong with it; never empty.
    Refused(Vec<Violation>),
}

/// How rows are reported.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reporting {
    /// One bad row and nothing is stored.
    pub all_or_nothing: bool,
    /// The operation that earlier rows of the same import were left to.
    pub earlier: Option<Uuid>,
}

/// What became of rows, in order, and of the colours that they concern.
#[derive(Debug)]
pub struct Reported {
    pub outcomes: Vec<RowOutcome>,
    pub redecided: i64,
    /// The operation of risk-rules that brings into force what is not yet; `None` where everything is.
    pub pending: Option<Uuid>,
}
