//! Why a database refused a statement, kept beside the closure that ran it: a use case turns the cause into an error of its
//! own, and may even go on without it.

use std::sync::{Arc, OnceLock};

use super::StorageError;

tokio::task_local! {
    static FIRST: Arc<OnceLock<StorageError>>;
}

/// The first refusal that statements of a transaction met.
#[derive(Debug, Clone, Default)]
pub struct FirstRefusal(Arc<OnceLock<StorageError>>);

impl FirstRefusal {
    /// Runs a closure of the transaction.
    pub async fn watch<F: Future>(&self, work: F) -> F::Output {
        FIRST.scope(Arc::clone(&self.0), work).await
    }

    pub fn get(&self) -> Option<StorageError> {
        self.0.get().cloned()
    }
}

/// A statement failed with `error`.
pub fn note(error: &StorageError) {
    if error.is_refusal() {
        // Outside a transaction nobody asks.
        let _ = FIRST.try_with(|first| first.set(error.clone()));
    }
}
