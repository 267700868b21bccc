//! How a case ends, and why. A finding has a stable name, so that reports of years can be compared and a test can say which one it expects.

use std::fmt;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Finding {
    /// It took what it must refuse.
    Accepted,
    /// It refused what it must take.
    Refused,
    /// It failed (HTTP 5xx) where it must answer or refuse.
    Failed,
    Redirected,
    /// What came back is not the JSON of the contract.
    NotJson,
    ContentType,
    /// The answer broke off.
    Truncated,
    /// The answer has more bytes than anybody reads.
    TooLarge,
    /// The answer is signed with a key that is not the declared one, or its signature does not match.
    AnswerSignature,
    AnswerSender,
    AnswerMethod,
    AnswerAudience,
    /// The body of the answer is not what was signed.
    AnswerBody,
    /// The answer is too old or of the future.
    AnswerTime,
    /// The answer is to another message.
    AnswerReply,
    AnswerNonce,
    /// The body of the answer is not the message of the contract.
    AnswerUnreadable,
    ReturnCode,
    Outcome,
    /// It refuses a body and does not name the fields.
    NoFields,
    /// It tells or shows what it must not.
    Disclosed,
    Provenance,
    Reference,
    Token,
    Batch,
    /// It refuses without the reason that the contract states.
    NoReason,
    Slow,
    Clock,
    OtherKey,
    /// An exchange that is not declared is served.
    Undeclared,
    // What says nothing about the system: the case could not be judged.
    Unreachable,
    TlsRefused,
    TimedOut,
    /// The quota is used up, or it says that it is too busy.
    Throttled,
    /// The kit itself failed.
    Kit,
}

impl Finding {
    /// Whether nothing can be said about the system.
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::TlsRefused | Self::TimedOut | Self::Throttled | Self::Kit
        )
    }
}

/// Characters of a detail.
const MAX_DETAIL: usize = 300;

/// Why a case does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub finding: Finding,
    pub detail: String,
}

impl Failure {
    /// Much of a detail is what the system answered: it is one line, not long, and no command to a terminal.
    pub fn new(finding: Finding, detail: impl fmt::Display) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let detail = detail.to_string();
        Self {
            finding,
            detail: detail.chars().take(MAX_DETAIL).map(plain).collect(),
        }
    }

    /// Whether the system could not be reached at all.
    pub const fn is_unanswered(&self) -> bool {
        matches!(
            self.finding,
            Finding::Unreachable | Finding::TlsRefused | Finding::TimedOut
        )
    }
}

/// How a check ends.
pub type Verdict = Result<(), Failure>;

/// Fails with a finding unless something holds.
pub fn ensure(holds: bool, finding: Finding, detail: impl fmt::Display) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Failure::new(finding, detail))
    }
}

/// How a case ended. The order is the one in which results are rolled up: the worst comes first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum CaseResult {
    /// It could not be judged.
    Error,
    Fail,
    /// It passes, and is on the list of known failures.
    UnexpectedPass,
    /// It fails, as is known.
    ExpectedFail,
    Pass,
    /// The system does not declare what it is about, or gave nothing to test it with.
    Skip,
}

impl CaseResult {
    /// The result of several: the worst; `Skip` for none.
    pub fn roll_up(results: impl IntoIterator<Item = Self>) -> Self {
        results.into_iter().min().unwrap_or(Self::Skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_one_line_and_no_command_to_a_terminal() {
        let answered = format!("\u{1b}[2J\nCONFORMANT: 62 PASS\r{}", "x".repeat(10_000));
        let failure = Failure::new(Finding::Refused, answered);
        assert!(
            !failure.detail.chars().any(char::is_control),
            "{:?}",
            failure.detail
        );
        assert_eq!(failure.detail.chars().count(), MAX_DETAIL);
    }

    #[test]
    fn the_worst_of_several_results_counts_in_a_fixed_order() {
        use CaseResult::{Error, ExpectedFail, Fail, Pass, Skip, UnexpectedPass};
        let order = [Error, Fail, UnexpectedPass, ExpectedFail, Pass, Skip];
        for (place, worst) in order.iter().enumerate() {
            let rolled = CaseResult::roll_up(order[place..].iter().rev().copied());
            assert_eq!(rolled, *worst);
        }
        assert_eq!(CaseResult::roll_up([]), Skip);
    }
}
