//! How two reports of a system differ, case by case.

use crate::report::Report;
use crate::verdict::CaseResult;

/// How a case differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Change {
    /// It passed, and does not any more.
    Worse,
    /// It passes, and did not before.
    Better,
    /// It ends in another way, and passes neither before nor after.
    Other,
    /// The later report alone has it.
    New,
    /// The earlier report alone has it.
    Gone,
}

/// How a case differs between two reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub id: String,
    pub change: Change,
    /// Absent where the report does not have the case.
    pub before: Option<CaseResult>,
    pub after: Option<CaseResult>,
}

/// What differs, by case; nothing of what does not.
pub fn compare(before: &Report, after: &Report) -> Vec<Difference> {
    let result = |report: &Report, id: &str| {
        let found = report.cases.iter().find(|case| case.id == id);
        found.map(|case| case.result)
    };
    let mut ids: Vec<&str> = before
        .cases
        .iter()
        .chain(&after.cases)
        .map(|case| &*case.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let differences = ids.into_iter().filter_map(|id| {
        let (before, after) = (result(before, id), result(after, id));
        Some(Difference {
            id: id.to_owned(),
            change: change(before, after)?,
            before,
            after,
        })
    });
    differences.collect()
}

fn change(before: Option<CaseResult>, after: Option<CaseResult>) -> Option<Change> {
    let passes = |result| matches!(result, CaseResult::Pass | CaseResult::UnexpectedPass);
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(Change::New),
        (Some(_), None) => Some(Change::Gone),
        (Some(before), Some(after)) => match (passes(before), passes(after)) {
            (true, false) => Some(Change::Worse),
            (false, true) => Some(Change::Better),
            (false, false) if before != after => Some(Change::Other),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_worse_when_it_no_longer_passes_for_whatever_reason() {
        use CaseResult::{Error, ExpectedFail, Fail, Pass, Skip, UnexpectedPass};
        for (before, after, expected) in [
            (Some(Pass), Some(Fail), Some(Change::Worse)),
            (Some(Pass), Some(ExpectedFail), Some(Change::Worse)),
            (Some(Pass), Some(Error), Some(Change::Worse)),
            (Some(Pass), Some(Skip), Some(Change::Worse)),
            (Some(Fail), Some(Pass), Some(Change::Better)),
            (Some(ExpectedFail), Some(UnexpectedPass), Some(Change::Better)),
            (Some(Fail), Some(Skip), Some(Change::Other)),
            (Some(Fail), Some(Fail), None),
            (Some(Pass), Some(UnexpectedPass), None),
            (None, Some(Fail), Some(Change::New)),
            (Some(Pass), None, Some(Change::Gone)),
        ] {
            assert_eq!(change(before, after), expected, "{before:?} {after:?}");
        }
    }
}
