//! Calls beyond what the edge takes.

use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};

/// All places of a pool are taken; worth another try after `wait`.
pub fn overloaded(wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "OVERLOADED",
        "当前访问人数较多，请稍后重试",
        "too many calls are under way; try again in a moment",
    )
    .retry_after(wait)
}

/// An account, address or connection has too many calls under way.
pub fn too_many_at_once() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_AT_ONCE",
        "同时进行的操作过多，请等待完成后重试",
        "too many calls of this account or address are under way at once; wait for one to end",
    )
    .retry_after(Duration::from_secs(1))
}

/// Too many calls in a short time; the next is taken after `wait`.
pub fn too_many_calls(wait: Duration) -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_CALLS",
        "操作过于频繁，请稍后重试",
        "too many calls in a short time; wait a moment",
    )
    .retry_after(wait.max(Duration::from_millis(1)))
}
