//! Calls that wait together are done together: while one batch is under way the next gathers. One transaction, and
//! multi-row statements, then serve many callers; a lone caller waits for nobody.

mod together;

use std::sync::Arc;

use lutong_kernel::Fault;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::StorageError;
use crate::crypto::CipherError;

/// Calls that wait; more wait in `call`.
const QUEUE: usize = 4_096;

pub use together::Together;

type Waiting<I, O> = (I, oneshot::Sender<O>);

/// Cheap to clone; its worker ends with its last clone.
pub struct Gatherer<I, O>(mpsc::Sender<Waiting<I, O>>);

impl<I, O> Clone for Gatherer<I, O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: Send + 'static, O: Send + 'static> Gatherer<I, O> {
    /// `work` gets up to `limit` inputs and gives an output for each, in order; at most `at_once` batches are under way.
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
                        // Whoever called may have gone.
                        let _ = answer.send(output);
                    }
                    drop(turn);
                });
            }
        });
        Self(queue)
    }

    /// `None` when the work did not run to its end.
    pub async fn call(&self, input: I) -> Option<O> {
        let (answer, output) = oneshot::channel();
        self.0.send((input, answer)).await.ok()?;
        output.await.ok()
    }
}

/// A batch that cannot be done together: somebody in it is not new, or the database failed. Each is then done alone, and
/// gets an answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart;

impl From<StorageError> for Apart {
    fn from(error: StorageError) -> Self {
        tracing::debug!(%error, "a batch is done one by one");
        Self
    }
}

impl From<CipherError> for Apart {
    fn from(_: CipherError) -> Self {
        Self
    }
}

impl From<Fault> for Apart {
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
        let gatherer = Gatherer::start(10, 1, move |numbers: Vec<u32>| {
            seen.lock().unwrap().push(numbers.len());
            async move {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                numbers.into_iter().map(|n| n * 2).collect()
            }
        });
        let calls = (0..25).map(|n| {
            let gatherer = gatherer.clone();
            async move { (n, gatherer.call(n).await) }
        });
        for (n, doubled) in futures::future::join_all(calls).await {
            assert_eq!(doubled, Some(n * 2));
        }
        let sizes = sizes.lock().unwrap();
        assert!(
            sizes.iter().all(|size| *size <= 10) && sizes.len() <= 4,
            "{sizes:?}"
        );
    }

    #[tokio::test]
    async fn work_that_fails_answers_nobody_and_the_next_goes_on() {
        let gatherer = Gatherer::start(1, 1, |numbers: Vec<u32>| async move {
            assert!(numbers[0] != 13, "unlucky");
            numbers
        });
        assert_eq!(gatherer.call(13).await, None);
        assert_eq!(gatherer.call(7).await, Some(7));
    }
}
