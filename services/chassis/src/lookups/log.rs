//! Writes lookups down.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, Fault, Random};
use lutong_proto::identity::v1::InspectedLookup;
use lutong_storage::batch::Batcher;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::{Database, StorageError};
use prost::Message as _;
use tokio::sync::Notify;
use uuid::Uuid;

use super::table::{self, StoredLookup};
use crate::component::{Foundation, Store};

/// Answers whose lookups share one transaction.
const BATCH: usize = 256;

/// A service's lookups; cheap to clone.
#[derive(Clone)]
pub struct LookupLog {
    pub(super) database: Database,
    pub(super) fields: FieldCipher,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    /// Wakes the delivery.
    pub(super) written: Arc<Notify>,
    writing: Batcher<Vec<StoredLookup>, Result<(), StorageError>>,
}

impl std::fmt::Debug for LookupLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LookupLog").finish_non_exhaustive()
    }
}

impl LookupLog {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        let database = store.database.clone();
        Self {
            database: database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            written: Arc::default(),
            writing: Batcher::start(BATCH, 1, move |answers| insert(database.clone(), answers)),
        }
    }

    /// Stores lookups under their ids. They are durable when this returns.
    pub(super) async fn write(&self, lookups: Vec<(Uuid, InspectedLookup)>) -> Result<(), Fault> {
        let cipher = self.fields.ready().await?;
        let sealed = lookups.into_iter().map(|(id, lookup)| {
            let content = cipher.encrypt(&lookup.encode_to_vec(), &context(id))?;
            Ok(StoredLookup { id, content })
        });
        let sealed = sealed.collect::<Result<Vec<_>, Fault>>()?;
        let stored = self.writing.call(sealed).await;
        stored.unwrap_or(Err(StorageError::Contended))?;
        self.written.notify_one();
        Ok(())
    }
}

/// What the content of a lookup is bound to.
pub(super) fn context(id: Uuid) -> Vec<u8> {
    [b"lookups_to_deliver/".as_slice(), id.as_bytes()].concat()
}

async fn insert(database: Database, answers: Vec<Vec<StoredLookup>>) -> Vec<Result<(), StorageError>> {
    let (count, lookups) = (answers.len(), answers.concat());
    let written: Result<(), StorageError> = database
        .write(move |transaction| async move { table::insert(transaction, &lookups).await }.boxed())
        .await;
    vec![written; count]
}
