//! Places where a test may end the process, between each pair of commits. Compiled to nothing without the
//! `failpoints` feature.

/// Names of all places, so that a test can visit each.
pub const ALL: [&str; 9] = [
    "identity.registered",
    "declaration.before_commit",
    "declaration.committed",
    "declaration.pulled",
    "risk_rules.committed",
    "risk_rules.applied",
    "code_rendering.committed",
    "outbox.sequenced",
    "follower.before_commit",
];

/// Ends the process, without any clean-up, the n-th time the place `name` is passed, when the environment says
/// `LUTONG_FAILPOINT=name:n`.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, Ordering};

    static ARMED: OnceLock<Option<(String, AtomicI64)>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var("LUTONG_FAILPOINT").ok()?;
        let (name, count) = text.split_once(':')?;
        Some((name.to_owned(), AtomicI64::new(count.parse().ok()?)))
    });
    if let Some((armed, left)) = armed
        && armed == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // As a power cut: no destructor, no flush.
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_name: &str) {}
