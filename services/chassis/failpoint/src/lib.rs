//! Places where a test may end the process, between each pair of commits; and switches that break what the product
//! promises, so that a test can show that it would notice. Compiled to nothing without the `failpoints` feature.

/// Names of all places, so that a test can visit each.
pub const ALL: [&str; 10] = [
    "identity.registered",
    "declaration.before_commit",
    "declaration.committed",
    "declaration.pulled",
    "declaration.import_reported",
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

/// A promise broken on purpose. The tests of the promises must catch each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Risk-rules says IN_FORCE before code-rendering has the decision.
    InForceUnapplied,
    /// Code-rendering keeps a row in memory when it is written.
    StaleMemory,
    /// Code-rendering lets an older decision replace a newer.
    UnguardedVersion,
    /// Code-rendering's follower moves on without the effect of what it read.
    PositionAlone,
    /// Risk-rules' follower of declaration does.
    DeclaredAlone,
    /// Declaration acknowledges what it does not store.
    UnstoredDeclaration,
    /// Storage believes its driver, not the engine, about what a commit has stored.
    UnprovedCommit,
}

#[cfg(feature = "failpoints")]
impl Broken {
    pub const ALL: [Self; 7] = [
        Self::InForceUnapplied,
        Self::StaleMemory,
        Self::UnguardedVersion,
        Self::PositionAlone,
        Self::DeclaredAlone,
        Self::UnstoredDeclaration,
        Self::UnprovedCommit,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForceUnapplied => "in-force-unapplied",
            Self::StaleMemory => "stale-memory",
            Self::UnguardedVersion => "unguarded-version",
            Self::PositionAlone => "position-alone",
            Self::DeclaredAlone => "declared-alone",
            Self::UnstoredDeclaration => "unstored-declaration",
            Self::UnprovedCommit => "unproved-commit",
        }
    }
}

/// Whether the environment says `LUTONG_FAILPOINT_BREAK` and this name.
#[cfg(feature = "failpoints")]
pub fn broken(promise: Broken) -> bool {
    use std::sync::OnceLock;

    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("LUTONG_FAILPOINT_BREAK").ok());
    named.as_deref() == Some(promise.as_str())
}

#[cfg(not(feature = "failpoints"))]
#[allow(clippy::inline_always)] // a switch of the tests must leave nothing behind
#[inline(always)]
pub const fn broken(_promise: Broken) -> bool {
    false
}
