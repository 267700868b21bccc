//! Confirms registrations: identity follows declaration's log and erases a registration that has no declaration after a day. For
//! confirmed people it publishes the division of their home.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DivisionCode, Fault, SubjectId, Timestamp};
use lutong_proto::declaration::v1::Event;
use lutong_proto::declaration::v1::event::Payload;
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::{EventHandler, Follower, Outbox, Position, StoredEvent};
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::Registry;
use crate::events::{SubjectChange, event};
use crate::people::store::{self, homes};

/// A registration without a declaration is erased after this time.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// The interval of the erasing task.
const ERASE_INTERVAL: Duration = Duration::from_secs(600);

/// Follows the log of declaration.
#[derive(Clone)]
pub struct ConfirmationFollower {
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

impl ConfirmationFollower {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Publishes the division of those `subjects` whose published division is missing or differs.
    async fn publish(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        subjects: &[SubjectId],
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut moved: BTreeMap<DivisionCode, Vec<SubjectId>> = BTreeMap::new();
        for home in homes::of(transaction, subjects).await? {
            let division = home.division(cipher)?;
            if home.published != Some(i64::from(division.number())) {
                moved.entry(division).or_default().push(home.subject);
            }
        }
        let mut events = Vec::new();
        for (division, subjects) in moved {
            homes::publish(transaction, division, &subjects).await?;
            let placed = |subject| event(subject, now, SubjectChange::Placed(division));
            events.extend(subjects.into_iter().map(placed));
        }
        self.outbox.seal(now, events).await?.append(transaction).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl EventHandler for ConfirmationFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut subjects = Vec::with_capacity(events.len());
        for stored in events {
            let event =
                Event::decode(&*stored.payload).map_err(|error| unreadable(stored.sequence, &error))?;
            // Events of other kinds, which a later version of the contract may have, are ignored.
            if let Some(Payload::DeclarationAccepted(_)) = event.payload {
                let subject: Result<SubjectId, _> = event.subject_id.parse();
                subjects.push(subject.map_err(|error| unreadable(stored.sequence, &error))?);
            }
        }
        let now = self.clock.now();
        let cipher = self.fields.ready().await?;
        let this = self.clone();
        let confirmed = self.database.write(move |transaction| {
            async move {
                store::confirm(transaction, &subjects, now).await?;
                this.publish(transaction, &cipher, &subjects, now).await?;
                position.advance(transaction).await?;
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        confirmed.await?;
        self.outbox.wake();
        Ok(())
    }
}

fn unreadable(sequence: i64, error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(sequence, %error, "an event of declaration cannot be read");
    Fault::internal()
}

/// Erases unconfirmed registrations at an interval, each time after declaration's log was read to its end, which has every
/// acknowledged declaration.
pub async fn erase_unconfirmed(registry: Registry, log: Follower, foundation: Foundation) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ERASE_INTERVAL) => {}
            () = foundation.stop.cancelled() => return,
        }
        let before = foundation.now().minus(CONFIRMATION_TIMEOUT);
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
