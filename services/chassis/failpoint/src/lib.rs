//! Failpoints between commits, at which a test can abort the process, and switches that break a guarantee on purpose,
//! so that a test can prove that it detects the violation. Compiled to nothing without the `failpoints` feature.

/// The name of every failpoint, so that a test can visit each.
pub const ALL: [&str; 11] = [
    "identity.registered",
    "declaration.before_commit",
    "declaration.committed",
    "declaration.pulled",
    "declaration.import_reported",
    "risk_rules.committed",
    "risk_rules.applied",
    "code_rendering.committed",
    "code_rendering.door_reported",
    "outbox.sequenced",
    "follower.before_commit",
];

/// Aborts the process the n-th time the failpoint `name` is reached, if the environment sets `LUTONG_FAILPOINT=name:n`.
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
        // Like a power cut: no destructors, no flush.
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn hit(_name: &str) {}

/// A guarantee broken on purpose; its test must detect it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Risk-rules reports IN_FORCE before code-rendering has stored the decision.
    InForceUnapplied,
    /// Code-rendering does not invalidate its cached row when the row is written.
    StaleMemory,
    /// Code-rendering lets an older decision overwrite a newer one.
    UnguardedVersion,
    /// Code-rendering's follower advances its position without applying the event.
    PositionAlone,
    /// Risk-rules' follower of declaration advances its position without applying the event.
    DeclaredAlone,
    /// Declaration acknowledges a declaration that it does not store.
    UnstoredDeclaration,
    /// Code-rendering acknowledges a report of a door that it does not store.
    UnstoredReport,
    /// Storage trusts its driver, instead of the engine, about whether a commit succeeded.
    UnprovedCommit,
}

#[cfg(feature = "failpoints")]
impl Broken {
    pub const ALL: [Self; 8] = [
        Self::InForceUnapplied,
        Self::StaleMemory,
        Self::UnguardedVersion,
        Self::PositionAlone,
        Self::DeclaredAlone,
        Self::UnstoredDeclaration,
        Self::UnstoredReport,
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
            Self::UnstoredReport => "unstored-report",
            Self::UnprovedCommit => "unproved-commit",
        }
    }
}

/// Whether the environment variable `LUTONG_FAILPOINT_BREAK` names this guarantee.
#[cfg(feature = "failpoints")]
pub fn broken(promise: Broken) -> bool {
    use std::sync::OnceLock;

    static NAMED: OnceLock<Option<String>> = OnceLock::new();
    let named = NAMED.get_or_init(|| std::env::var("LUTONG_FAILPOINT_BREAK").ok());
    named.as_deref() == Some(promise.as_str())
}

#[cfg(not(feature = "failpoints"))]
#[allow(clippy::inline_always)] // a test switch must compile to nothing
#[inline(always)]
pub const fn broken(_promise: Broken) -> bool {
    false
}
