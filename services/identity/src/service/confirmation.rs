//! A registration stays only when a declaration followed it: identity follows declaration's log, and erases after a
//! day what never appeared there. Of who stays the others are told in which division they live.

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

use super::registry::Registry;
use crate::events::{Happened, event};
use crate::store::{homes, people};

/// How long a registration waits for its declaration.
const WAIT: Duration = Duration::from_secs(24 * 3_600);
/// Between two rounds of erasing.
const ROUND: Duration = Duration::from_secs(600);

/// Notes which registrations a declaration followed.
#[derive(Clone)]
pub struct Confirmation {
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

impl Confirmation {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Tells in which division those of `subjects` live of whom the others know none or another.
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
            let placed = |subject| event(subject, now, Happened::Placed(division));
            events.extend(subjects.into_iter().map(placed));
        }
        self.outbox.seal(now, events).await?.append(transaction).await?;
        Ok(())
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
                people::confirm(transaction, &subjects, now).await?;
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
