//! Gathers concurrent reads of single rows into one query.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::{Batcher, Unfinished};
use crate::StorageError;

/// Rows that one query reads at the most.
const BATCH: usize = 256;
/// Queries that run at the same time.
const QUERIES: usize = 2;

type Answer<R> = Result<Option<R>, StorageError>;

/// Reads rows by their keys. A row is as it is in the database after the call began. Cheap to clone.
pub struct RowReader<K, R>(Batcher<K, Answer<R>>);

impl<K, R> Clone for RowReader<K, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, R> RowReader<K, R>
where
    K: Eq + Hash + Copy + Send + Sync + 'static,
    R: Clone + Send + 'static,
{
    /// `read` is given different keys, and returns the rows that there are with their keys.
    pub fn start<F, Fut>(read: F) -> Self
    where
        F: Fn(Vec<K>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<(K, R)>, StorageError>> + Send + 'static,
    {
        Self(Batcher::start(BATCH, QUERIES, move |keys: Vec<K>| {
            let different: HashSet<K> = keys.iter().copied().collect();
            let found = read(different.into_iter().collect());
            async move { answers(&keys, found.await) }
        }))
    }

    pub async fn find(&self, key: K) -> Answer<R> {
        let stopped = |error: Unfinished| Err(StorageError::Damaged(format!("reading rows: {error}")));
        self.0.call(key).await.unwrap_or_else(stopped)
    }
}

fn answers<K: Eq + Hash, R: Clone>(keys: &[K], found: Result<Vec<(K, R)>, StorageError>) -> Vec<Answer<R>> {
    match found {
        Ok(rows) => {
            let rows: HashMap<K, R> = rows.into_iter().collect();
            keys.iter().map(|key| Ok(rows.get(key).cloned())).collect()
        }
        Err(error) => keys.iter().map(|_| Err(error.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn keys_that_wait_together_are_read_once_each_and_every_caller_has_its_row_or_none() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let reader = RowReader::start(move |keys: Vec<u32>| {
            seen.lock().unwrap().push(keys.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let even = keys.into_iter().filter(|key| key % 2 == 0);
                Ok(even.map(|key| (key, key * 10)).collect())
            }
        });
        let calls = (0..400).map(|n| {
            let reader = reader.clone();
            async move { (n % 4, reader.find(n % 4).await.unwrap()) }
        });
        for (key, row) in futures::future::join_all(calls).await {
            assert_eq!(row, (key % 2 == 0).then_some(key * 10));
        }
        let asked = asked.lock().unwrap();
        assert!(asked.len() < 10, "{} queries", asked.len());
        assert!(asked.iter().all(|keys| keys.len() <= 4), "{asked:?}");
    }

    #[tokio::test]
    async fn a_query_that_fails_is_an_error_for_each_of_its_callers() {
        let reader = RowReader::<u32, u32>::start(|_| async { Err(StorageError::Contended) });
        let both = futures::future::join(reader.find(1), reader.find(2)).await;
        assert!(matches!(
            both,
            (Err(StorageError::Contended), Err(StorageError::Contended))
        ));
    }
}
