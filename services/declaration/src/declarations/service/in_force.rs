//! Records in the database which declarations are in force.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{ApplicationId, SubjectId, Timestamp};
use lutong_storage::batch::Batcher;
use lutong_storage::{Database, StorageError};

use super::Declarations;
use crate::declarations::domain::Declaration;
use crate::declarations::store;

/// Declarations that one transaction marks at the most.
const BATCH: usize = 256;

impl Declarations {
    /// Records that a declaration is in force, gathered with other declarations.
    pub fn mark_in_force(&self, declaration: &Declaration) -> impl Future<Output = ()> + Send + use<> {
        let marker = self.marker.get_or_init(|| {
            let (database, clock) = (self.database.clone(), Arc::clone(&self.clock));
            Batcher::start(BATCH, 1, move |batch| {
                mark_all(database.clone(), clock.now(), batch)
            })
        });
        let (marker, one) = (marker.clone(), (declaration.subject, declaration.id));
        async move {
            // A declaration that was not marked is marked by the next poll.
            let _ = marker.call(one).await;
        }
    }
}

async fn mark_all(database: Database, now: Timestamp, batch: Vec<(SubjectId, ApplicationId)>) -> Vec<()> {
    let count = batch.len();
    let marked: Result<(), StorageError> = database
        .write(move |transaction| {
            let batch = batch.clone();
            async move { store::set_in_force(transaction, &batch, now).await }.boxed()
        })
        .await;
    if let Err(error) = marked {
        tracing::info!(%error, "declarations in force were not marked; the next poll marks them");
    }
    vec![(); count]
}
