//! A registration stays only when a declaration followed it: identity follows declaration's log, and erases after a
//! day what never appeared there.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::outbox::{EventHandler, Follower, Position, StoredEvent};
use lutong_chassis::storage::{Database, StorageError};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, SubjectId};
use lutong_proto::declaration::v1::{Event, event};
use prost::Message as _;

use super::registry::Registry;
use crate::store::people;

/// How long a registration waits for its declaration.
const WAIT: Duration = Duration::from_secs(24 * 3_600);
/// Between two rounds of erasing.
const ROUND: Duration = Duration::from_secs(600);

/// Notes which registrations a declaration followed.
pub struct Confirmation {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl Confirmation {
    pub fn new(store: &Store, foundation: &Foundation) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
        }
    }
}

#[async_trait::async_trait]
impl EventHandler for Confirmation {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut subjects = Vec::with_capacity(events.len());
        for stored in events {
            let event =
                Event::decode(&*stored.payload).map_err(|error| unreadable(stored.sequence, &error))?;
            // Events of a later version of the contract that mean nothing here are passed over.
            if let Some(event::Payload::DeclarationAccepted(_)) = event.payload {
                let subject: Result<SubjectId, _> = event.subject_id.parse();
                subjects.push(subject.map_err(|error| unreadable(stored.sequence, &error))?);
            }
        }
        let now = self.clock.now();
        let confirmed = self.database.write(move |transaction| {
            async move {
                people::confirm(transaction, &subjects, now).await?;
                position.advance(transaction).await
            }
            .boxed()
        });
        Ok(confirmed
            .await
            .map_err(|error: StorageError| Fault::from(error))?)
    }
}

fn unreadable(sequence: i64, error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(sequence, %error, "an event of declaration cannot be read");
    Fault::internal()
}

/// Erases, now and then, what nobody confirmed. Only after declaration's log was read to its end: a declaration that
/// was acknowledged is there.
pub async fn erase_unconfirmed(registry: Registry, log: Follower, foundation: Foundation) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = foundation.stop.cancelled() => return,
        }
        let before = foundation.now().minus(WAIT);
        let erased = match log.read_on().await {
            Ok(()) => registry.erase_unconfirmed(before).await,
            Err(fault) => Err(fault),
        };
        match erased {
            Ok(0) => {}
            Ok(erased) => tracing::info!(erased, "registrations that no declaration followed were erased"),
            Err(fault) => {
                tracing::warn!(%fault, "erasing unconfirmed registrations waits for the next round");
            }
        }
    }
}
