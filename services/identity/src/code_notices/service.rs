//! Follows code-rendering's log and sends a message to whoever's code has changed. A notice is stored with the position in the log, so that none
//! is lost; one that was sent when the process was killed is sent again.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::code_rendering::v1::Event;
use lutong_proto::code_rendering::v1::event::Payload;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_storage::{Database, StorageError};
use prost::Message as _;
use tokio::sync::Notify;

use super::store;
use crate::messages::{Message, Messages};
use crate::people::store::registered;
use crate::rounds;

/// A message that was not sent is sent again after this time.
const RETRY: Duration = Duration::from_secs(60);
/// A message is sent for so long: whoever looks at their code later sees it there.
const WORTH_SENDING: Duration = Duration::from_secs(24 * 3_600);
/// Messages of one round, which are sent side by side.
const BATCH: u64 = 50;

/// Sends notices; cheap to clone.
#[derive(Clone)]
pub struct CodeNotices {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    messages: Messages,
    /// Rung when there is somebody to tell.
    bell: Arc<Notify>,
}

impl CodeNotices {
    pub fn new(store: &Store, foundation: &Foundation, messages: Messages) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            messages,
            bell: Arc::default(),
        }
    }

    /// Sends what is due until the process stops.
    pub async fn run(self, foundation: Foundation) {
        let bell = Arc::clone(&self.bell);
        let round = move || {
            let this = self.clone();
            async move { this.round().await }
        };
        rounds::run(foundation, bell, BATCH, "notices of changed codes", round).await;
    }

    /// Sends what is due and returns how many notices that were.
    async fn round(&self) -> Result<u64, Fault> {
        let now = self.clock.now();
        if !store::is_any_due(self.database.reader(), now).await? {
            return Ok(0);
        }
        let retry_at = now.plus(RETRY);
        let taken = self.database.write(move |transaction| {
            async move {
                let expired = store::delete_expired(transaction, now).await?;
                if expired > 0 {
                    tracing::warn!(
                        expired,
                        "people were not told that their code changed: no message could be sent for a day"
                    );
                }
                store::take_due(transaction, now, retry_at, BATCH).await
            }
            .boxed()
        });
        let due: Result<Vec<SubjectId>, StorageError> = taken.await;
        let due = due?;
        let sent = futures::future::join_all(due.iter().map(|subject| self.tell(*subject, retry_at))).await;
        sent.into_iter().collect::<Result<(), Fault>>()?;
        Ok(due.len() as u64)
    }

    async fn tell(&self, subject: SubjectId, retry_at: Timestamp) -> Result<(), Fault> {
        let cipher = self.fields.ready().await?;
        // Nobody is registered for a document that only a feed has reported.
        if let Some(mobile) = registered::mobile(self.database.reader(), &cipher, subject).await?
            && self.messages.send(&mobile, &Message::CodeChanged).await.is_err()
        {
            return Ok(());
        }
        let deleted = self
            .database
            .write(move |transaction| store::delete(transaction, subject, retry_at).boxed());
        let deleted: Result<(), StorageError> = deleted.await;
        Ok(deleted?)
    }
}

#[async_trait::async_trait]
impl EventHandler for CodeNotices {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut subjects = Vec::with_capacity(events.len());
        for stored in events {
            let unreadable =
                |error: &dyn std::fmt::Display| stored.unreadable(ServiceName::CodeRendering, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            // Events of other kinds, which a later version of the contract may have, are ignored.
            if let Some(Payload::CodeChanged(_)) = event.payload {
                let subject: Result<SubjectId, _> = event.subject_id.parse();
                subjects.push(subject.map_err(|error| unreadable(&error))?);
            }
        }
        subjects.sort_unstable();
        subjects.dedup();
        let now = self.clock.now();
        let noted = self.database.write(move |transaction| {
            async move {
                store::add(transaction, &subjects, now, now.plus(WORTH_SENDING)).await?;
                position.advance(transaction).await
            }
            .boxed()
        });
        let noted: Result<(), StorageError> = noted.await;
        noted?;
        self.bell.notify_one();
        Ok(())
    }
}
