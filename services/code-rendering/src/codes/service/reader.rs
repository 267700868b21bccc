//! Gathers concurrent reads of single rows into one query.

use std::collections::HashMap;

use lutong_kernel::SubjectId;
use lutong_storage::batch::{Batcher, Unfinished};
use lutong_storage::{Database, StorageError};

use crate::codes::store::{self, StoredCode};

/// Rows that one query reads at the most.
const BATCH: usize = 256;
/// Queries that run at the same time.
const QUERIES: usize = 4;

type Answer = Result<Option<StoredCode>, StorageError>;

/// Cheap to clone.
#[derive(Clone)]
pub struct BatchedReader(Batcher<SubjectId, Answer>);

impl BatchedReader {
    pub fn start(database: Database) -> Self {
        Self(Batcher::start(BATCH, QUERIES, move |subjects| {
            read(database.clone(), subjects)
        }))
    }

    pub async fn find(&self, subject: SubjectId) -> Answer {
        let stopped = |error: Unfinished| Err(StorageError::Damaged(format!("reading codes: {error}")));
        self.0.call(subject).await.unwrap_or_else(stopped)
    }
}

async fn read(database: Database, subjects: Vec<SubjectId>) -> Vec<Answer> {
    match store::find_all(database.reader(), &subjects).await {
        Ok(found) => {
            let found: HashMap<_, _> = found.into_iter().map(|row| (row.code.subject, row)).collect();
            subjects
                .iter()
                .map(|subject| Ok(found.get(subject).cloned()))
                .collect()
        }
        Err(error) => vec![Err(error); subjects.len()],
    }
}
