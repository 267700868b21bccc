//! Numbers for everybody.

use lutong_kernel::Violation;

/// A month is not written as the contract does.
pub fn month_shape() -> Violation {
    Violation::new(
        "month",
        "MONTH_SHAPE",
        "应为年-月，例如2022-10",
        "is a month, for example 2022-10",
    )
}

/// A month has not ended yet.
pub fn month_not_over() -> Violation {
    Violation::new(
        "month",
        "MONTH_NOT_OVER",
        "该月尚未结束，数据在月后公布",
        "is not over: its numbers are published after it",
    )
}
