//! Whether a database takes writes, since when not, and why: for readiness, metrics and one line in the log at each change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::StorageError;

/// Without a commit for so long, readiness asks by a small write.
const QUIET: Duration = Duration::from_secs(10);
/// Between two questions while writes are refused.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Cheap to clone; one for each database.
#[derive(Clone)]
pub struct WriteHealth(Arc<Inner>);

struct Inner {
    /// File or database name, as a label.
    database: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stored_at: Option<Instant>,
    asked_at: Option<Instant>,
    refusal: Option<Refusal>,
}

/// Writes are refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub since: Instant,
    pub error: StorageError,
}

/// What readiness has to do to know.
#[derive(Debug, Clone)]
pub enum Inquiry {
    /// Writes are taken.
    Writable,
    /// A small write tells.
    Ask,
    /// Writes are refused; a write as large as real ones tells whether they still are.
    AskWithRoom,
    /// Writes are refused, and the question was asked a moment ago.
    Refused(StorageError),
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
        // Nothing under this lock can panic half-way.
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

    /// A transaction failed because of the database, not because of what it was to store.
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

    /// What has to be done to know whether writes are taken now.
    pub fn inquire(&self) -> Inquiry {
        let mut state = self.state();
        let is_recent = |at: Option<Instant>, span| at.is_some_and(|at| at.elapsed() < span);
        match &state.refusal {
            None if is_recent(state.stored_at, QUIET) => Inquiry::Writable,
            Some(refusal) if is_recent(state.asked_at, ASK_EVERY) => Inquiry::Refused(refusal.error.clone()),
            refusal => {
                let inquiry = match refusal {
                    None => Inquiry::Ask,
                    Some(_) => Inquiry::AskWithRoom,
                };
                state.asked_at = Some(Instant::now());
                inquiry
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
        assert!(matches!(health.inquire(), Inquiry::Ask), "nobody knows yet");
        health.stored();
        assert!(matches!(health.inquire(), Inquiry::Writable));
        health.refused(&StorageError::Full);
        health.state().asked_at = None;
        assert!(matches!(health.inquire(), Inquiry::AskWithRoom));
        assert!(matches!(health.inquire(), Inquiry::Refused(StorageError::Full)));
        health.stored();
        assert!(matches!(health.inquire(), Inquiry::Writable));
    }
}
