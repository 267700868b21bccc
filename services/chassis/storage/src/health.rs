//! Whether a database accepts writes, since when not and why: for readiness, metrics and one log line per change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::StorageError;

/// After this long without a commit, readiness probes with a small write.
const PROBE_AFTER: Duration = Duration::from_secs(10);
/// Interval of probes while writes are refused.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Cheap to clone; one per database.
#[derive(Clone)]
pub struct WriteHealth(Arc<Inner>);

struct Inner {
    /// File or database name, used as metric label.
    database: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stored_at: Option<Instant>,
    probed_at: Option<Instant>,
    refusal: Option<Refusal>,
}

/// Since when and why writes are refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub since: Instant,
    pub error: StorageError,
}

/// The probe that readiness needs in order to know whether writes are accepted.
#[derive(Debug, Clone)]
pub enum NextProbe {
    /// A recent commit proves that writes are accepted.
    NotNeeded,
    /// A small write is enough.
    Small,
    /// Writes are refused: probe with a write as large as real batches.
    BatchSized,
    /// Writes are refused and were probed a moment ago.
    TooSoon(StorageError),
}

impl WriteHealth {
    pub fn new(database: String) -> Self {
        metrics::gauge!("lutong_storage_writable", "database" => database.clone()).set(1.0);
        Self(Arc::new(Inner {
            database,
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic and leave it inconsistent.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction was committed.
    pub fn stored(&self) {
        let mut state = self.state();
        state.stored_at = Some(Instant::now());
        if let Some(refusal) = state.refusal.take() {
            drop(state);
            let database = self.0.database.as_str();
            let refused_for_s = refusal.since.elapsed().as_secs();
            tracing::info!(database, refused_for_s, "the database takes writes again");
            metrics::gauge!("lutong_storage_writable", "database" => self.0.database.clone()).set(1.0);
        }
    }

    /// A transaction failed because of the database, not because of its data.
    pub fn refused(&self, error: &StorageError) {
        let kind = error.kind();
        metrics::counter!(
            "lutong_storage_refused_writes_total",
            "database" => self.0.database.clone(), "reason" => kind
        )
        .increment(1);
        let mut state = self.state();
        let known = state.refusal.as_ref().map(|refusal| refusal.error.kind());
        if known == Some(kind) {
            return;
        }
        let since = state
            .refusal
            .as_ref()
            .map_or_else(Instant::now, |refusal| refusal.since);
        state.refusal = Some(Refusal {
            since,
            error: error.clone(),
        });
        drop(state);
        let database = self.0.database.as_str();
        tracing::error!(database, reason = kind, %error, "the database refuses writes; nothing is acknowledged until it takes them again");
        metrics::gauge!("lutong_storage_writable", "database" => self.0.database.clone()).set(0.0);
    }

    /// The probe needed now.
    pub fn next_probe(&self) -> NextProbe {
        let mut state = self.state();
        let is_recent = |at: Option<Instant>, span| at.is_some_and(|at| at.elapsed() < span);
        match &state.refusal {
            None if is_recent(state.stored_at, PROBE_AFTER) => NextProbe::NotNeeded,
            Some(refusal) if is_recent(state.probed_at, PROBE_EVERY) => {
                NextProbe::TooSoon(refusal.error.clone())
            }
            refusal => {
                let probe = match refusal {
                    None => NextProbe::Small,
                    Some(_) => NextProbe::BatchSized,
                };
                state.probed_at = Some(Instant::now());
                probe
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stands_until_something_is_stored_and_is_asked_about_once_a_second() {
        let health = WriteHealth::new("identity".to_owned());
        assert!(
            matches!(health.next_probe(), NextProbe::Small),
            "nobody knows yet"
        );
        health.stored();
        assert!(matches!(health.next_probe(), NextProbe::NotNeeded));
        health.refused(&StorageError::Full);
        health.state().probed_at = None;
        assert!(matches!(health.next_probe(), NextProbe::BatchSized));
        assert!(matches!(
            health.next_probe(),
            NextProbe::TooSoon(StorageError::Full)
        ));
        health.stored();
        assert!(matches!(health.next_probe(), NextProbe::NotNeeded));
    }
}
