//! Reads of single rows that arrive together become one query.

use std::collections::HashMap;
use std::sync::Arc;

use lutong_chassis::storage::{Database, StorageError};
use lutong_kernel::SubjectId;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::store::codes::{self, StoredCode};

/// Rows of one query.
const BATCH: usize = 256;
/// Queries under way at once.
const QUERIES: usize = 4;
/// Reads that wait.
const QUEUE: usize = 4_096;

type Answer = Result<Option<StoredCode>, StorageError>;
type Read = (SubjectId, oneshot::Sender<Answer>);

/// Cheap to clone.
#[derive(Clone)]
pub struct BatchedReader(mpsc::Sender<Read>);

impl BatchedReader {
    pub fn start(database: Database) -> Self {
        let (queue, reads) = mpsc::channel(QUEUE);
        tokio::spawn(run(database, reads));
        Self(queue)
    }

    pub async fn find(&self, subject: SubjectId) -> Answer {
        let stopped = || StorageError::Damaged("the reader of codes has stopped".to_owned());
        let (answer, found) = oneshot::channel();
        self.0.send((subject, answer)).await.map_err(|_| stopped())?;
        found.await.unwrap_or_else(|_| Err(stopped()))
    }
}

async fn run(database: Database, mut reads: mpsc::Receiver<Read>) {
    let queries = Arc::new(Semaphore::new(QUERIES));
    while let Some(first) = reads.recv().await {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&queries).acquire_owned().await else {
            return;
        };
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(read) = reads.try_recv()
        {
            batch.push(read);
        }
        let database = database.clone();
        tokio::spawn(async move {
            answer(&database, batch).await;
            drop(permit);
        });
    }
}

async fn answer(database: &Database, batch: Vec<Read>) {
    let subjects: Vec<_> = batch.iter().map(|(subject, _)| *subject).collect();
    match codes::find_all(database.reader(), &subjects).await {
        Ok(found) => {
            let found: HashMap<_, _> = found.into_iter().map(|row| (row.code.subject, row)).collect();
            for (subject, answer) in batch {
                // Whoever asked may have gone.
                let _ = answer.send(Ok(found.get(&subject).cloned()));
            }
        }
        Err(error) => {
            for (_, answer) in batch {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
