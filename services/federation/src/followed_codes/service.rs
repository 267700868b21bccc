//! Follows code-rendering's log, which says whose code has changed.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1::Event;
use lutong_proto::code_rendering::v1::event::Payload;
use lutong_proto::time::timestamp;
use lutong_storage::crypto::Key;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_storage::{Database, StorageError};
use prost::Message as _;
use tokio::sync::Notify;

use super::domain::{ChangedCode, followed_until, reference};
use super::store;
use crate::partners::domain::PartnerId;

/// Codes that partners follow; cheap to clone.
#[derive(Clone)]
pub struct FollowedCodes {
    database: Database,
    clock: Arc<dyn Clock>,
    key: Key,
    changed: Arc<Notify>,
}

impl FollowedCodes {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            key: store.index_key.clone(),
            changed: Arc::default(),
        }
    }

    /// Follows somebody's code for a partner; under what the partner is told of it.
    pub async fn follow(&self, partner: PartnerId, subject: SubjectId) -> Result<String, Fault> {
        let (now, reference) = (self.clock.now(), reference(&self.key, partner, subject));
        let written = reference.clone();
        let followed = self.database.write(move |transaction| {
            store::follow(
                transaction,
                (subject, partner),
                written.clone(),
                now,
                followed_until(now),
            )
            .boxed()
        });
        followed.await.map_err(|error: StorageError| Fault::from(error))?;
        self.changed.notify_one();
        Ok(reference)
    }

    /// The codes that a partner is to be told of.
    pub async fn changed_for(
        &self,
        partner: PartnerId,
        limit: u64,
    ) -> Result<Vec<ChangedCode>, StorageError> {
        store::changed(self.database.reader(), partner, limit).await
    }

    /// Those of these references that are followed for a partner.
    pub async fn of_references(
        &self,
        partner: PartnerId,
        references: &[String],
    ) -> Result<Vec<(String, SubjectId)>, StorageError> {
        store::of_references(self.database.reader(), partner, references).await
    }

    /// Waits until a change was noted in this process.
    pub async fn wait(&self) {
        self.changed.notified().await;
    }
}

#[async_trait::async_trait]
impl EventHandler for FollowedCodes {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut changes = Vec::new();
        for stored in events {
            let change = change_in(&stored);
            changes.extend(change.map_err(|reason| stored.unreadable(ServiceName::CodeRendering, &reason))?);
        }
        let noted: Result<(), StorageError> = self
            .database
            .write(move |transaction| {
                async move {
                    for (subject, at) in changes {
                        store::note_change(transaction, subject, at).await?;
                    }
                    position.advance(transaction).await
                }
                .boxed()
            })
            .await;
        noted?;
        self.changed.notify_one();
        Ok(())
    }
}

/// Whose code an event says has changed, and when. Events of other kinds, which a later version of the contract may have, are ignored.
fn change_in(stored: &StoredEvent) -> Result<Option<(SubjectId, Timestamp)>, String> {
    let event = Event::decode(&*stored.payload).map_err(|error| error.to_string())?;
    let Some(Payload::CodeChanged(_)) = event.payload else {
        return Ok(None);
    };
    let subject = event
        .subject_id
        .parse()
        .map_err(|_| "it is about nobody".to_owned())?;
    let at = event
        .create_time
        .as_ref()
        .map(timestamp)
        .ok_or("it has no time")?;
    Ok(Some((subject, at)))
}
