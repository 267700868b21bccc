//! How a case ends, and why. A finding has a stable name, so that reports of years can be compared and a test can say which one it expects.

use std::fmt;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
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
    /// What it is, for a page.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Accepted => "应拒绝而接受",
            Self::Refused => "应接受而拒绝",
            Self::Failed => "系统出错",
            Self::Redirected => "要求转向别处",
            Self::NotJson => "答复不是约定的 JSON",
            Self::ContentType => "内容类型不符",
            Self::Truncated => "答复中断",
            Self::TooLarge => "答复过大",
            Self::AnswerSignature => "答复的签名无效",
            Self::AnswerSender => "答复的发送方不符",
            Self::AnswerMethod => "答复的方法不符",
            Self::AnswerAudience => "答复的接收方不符",
            Self::AnswerBody => "答复的正文与签名不符",
            Self::AnswerTime => "答复的时间不符",
            Self::AnswerReply => "答复的不是这份报文",
            Self::AnswerNonce => "答复的随机数重复",
            Self::AnswerUnreadable => "答复的正文不可解析",
            Self::ReturnCode => "返回码不符",
            Self::Outcome => "结果不符",
            Self::NoFields => "未指出有误的字段",
            Self::Disclosed => "泄露了不应告知的内容",
            Self::Provenance => "缺少出处",
            Self::Reference => "引用不符",
            Self::Token => "码不符",
            Self::Batch => "批次不符",
            Self::NoReason => "未说明原因",
            Self::Slow => "答复过慢",
            Self::Clock => "时钟不准",
            Self::OtherKey => "公布的密钥不是申报的密钥",
            Self::Undeclared => "提供了未申报的交换",
            Self::Unreachable => "无法连接",
            Self::TlsRefused => "TLS 被拒绝",
            Self::TimedOut => "超时",
            Self::Throttled => "被限流",
            Self::Kit => "测试套件出错",
        }
    }

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
