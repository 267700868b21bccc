//! Keeps why the database refused a statement of a transaction: the closure maps the cause to an error of its own, and
//! may even ignore it.

use std::sync::{Arc, OnceLock};

use super::StorageError;

tokio::task_local! {
    static FIRST: Arc<OnceLock<StorageError>>;
}

/// The first refusal within a transaction.
#[derive(Debug, Clone, Default)]
pub struct FirstRefusal(Arc<OnceLock<StorageError>>);

impl FirstRefusal {
    /// Runs a closure of the transaction and keeps its first refusal.
    pub async fn watch<F: Future>(&self, work: F) -> F::Output {
        FIRST.scope(Arc::clone(&self.0), work).await
    }

    pub fn get(&self) -> Option<StorageError> {
        self.0.get().cloned()
    }
}

/// Notes that a statement failed with `error`.
pub fn note(error: &StorageError) {
    if error.is_refusal() {
        // Outside a transaction there is nothing to note it in.
        let _ = FIRST.try_with(|first| first.set(error.clone()));
    }
}
