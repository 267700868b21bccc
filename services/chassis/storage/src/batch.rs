//! Batching of concurrent calls: while one batch is in flight, the next one collects. Many callers then share one
//! transaction and multi-row statements; a lone caller does not wait.

mod rows;
mod transaction;

use std::sync::Arc;

use lutong_kernel::Fault;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::StorageError;
use crate::crypto::CipherError;

/// Capacity of the queue; further callers wait in `call`.
const QUEUE: usize = 4_096;

pub use rows::RowReader;
pub use transaction::BatchedCall;

type Waiting<I, O> = (I, oneshot::Sender<O>);

/// Cheap to clone; its worker stops when the last clone is dropped.
pub struct Batcher<I, O>(mpsc::Sender<Waiting<I, O>>);

impl<I, O> Clone for Batcher<I, O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: Send + 'static, O: Send + 'static> Batcher<I, O> {
    /// `work` takes up to `limit` inputs and returns one output for each, in order; at most `at_once` batches run
    /// concurrently.
    pub fn start<F, Fut>(limit: usize, at_once: usize, work: F) -> Self
    where
        F: Fn(Vec<I>) -> Fut + Send + 'static,
        Fut: Future<Output = Vec<O>> + Send + 'static,
    {
        let (queue, mut waiting) = mpsc::channel::<Waiting<I, O>>(QUEUE);
        tokio::spawn(async move {
            let turns = Arc::new(Semaphore::new(at_once));
            while let Some((first, answer)) = waiting.recv().await {
                // The semaphore is never closed.
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                    return;
                };
                let (mut inputs, mut answers) = (vec![first], vec![answer]);
                while inputs.len() < limit
                    && let Ok((input, answer)) = waiting.try_recv()
                {
                    inputs.push(input);
                    answers.push(answer);
                }
                let done = work(inputs);
                tokio::spawn(async move {
                    for (output, answer) in done.await.into_iter().zip(answers) {
                        // The caller may have been cancelled.
                        let _ = answer.send(output);
                    }
                    drop(turn);
                });
            }
        });
        Self(queue)
    }

    /// The output of the work for `input`.
    pub async fn call(&self, input: I) -> Result<O, Unfinished> {
        let (answer, output) = oneshot::channel();
        self.0.send((input, answer)).await.map_err(|_| Unfinished)?;
        output.await.map_err(|_| Unfinished)
    }
}

/// The work of a batch panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work of gathered calls did not end")]
pub struct Unfinished;

impl From<Unfinished> for Fault {
    fn from(error: Unfinished) -> Self {
        Self::internal(error)
    }
}

/// A batch that cannot share a transaction: one of its requests was sent before, or the database failed. Its calls are
/// then run one by one, each with its own answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBatchable;

impl From<StorageError> for NotBatchable {
    fn from(error: StorageError) -> Self {
        tracing::debug!(%error, "the calls of a batch are run one by one");
        Self
    }
}

impl From<CipherError> for NotBatchable {
    fn from(_: CipherError) -> Self {
        Self
    }
}

impl From<Fault> for NotBatchable {
    fn from(_: Fault) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn what_waits_together_is_done_together_and_each_gets_its_own_answer() {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let batcher = Batcher::start(10, 1, move |numbers: Vec<u32>| {
            seen.lock().unwrap().push(numbers.len());
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                numbers.into_iter().map(|n| n * 2).collect()
            }
        });
        let calls = (0..25).map(|n| {
            let batcher = batcher.clone();
            async move { (n, batcher.call(n).await) }
        });
        for (n, doubled) in futures::future::join_all(calls).await {
            assert_eq!(doubled, Ok(n * 2));
        }
        let sizes = sizes.lock().unwrap();
        assert!(
            sizes.iter().all(|size| *size <= 10) && sizes.len() <= 4,
            "{sizes:?}"
        );
    }

    #[tokio::test]
    async fn work_that_fails_answers_nobody_and_the_next_goes_on() {
        let batcher = Batcher::start(1, 1, |numbers: Vec<u32>| async move {
            assert!(numbers[0] != 13, "unlucky");
            numbers
        });
        assert_eq!(batcher.call(13).await, Err(Unfinished));
        assert_eq!(batcher.call(7).await, Ok(7));
    }
}
