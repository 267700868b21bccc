//! Confirms registrations: identity follows declaration's log and erases a registration that has no declaration after a day. For
//! confirmed people it publishes the division of their home.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store, pause};
use lutong_kernel::{Clock, Fault, ServiceName, SubjectId};
use lutong_proto::declaration::v1::Event;
use lutong_proto::declaration::v1::event::Payload;
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::outbox::{EventHandler, Follower, Outbox, Position, StoredEvent};
use prost::Message as _;

use super::{Registry, homes};
use crate::health_cards::store as health_cards;
use crate::people::store;

/// A registration without a declaration is erased after this time.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(24 * 3_600);
/// What the names of daily reports begin with.
const DAILY_REPORTS: &str = "daily-reports/";
/// The interval of the erasing task.
const ERASE_INTERVAL: Duration = Duration::from_secs(600);

/// Follows the log of declaration.
#[derive(Clone)]
pub struct ConfirmationFollower {
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    /// Whether a health card is asked for with the confirmation.
    asks_for_cards: bool,
}

impl ConfirmationFollower {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox, asks_for_cards: bool) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
            asks_for_cards,
        }
    }
}

#[async_trait::async_trait]
impl EventHandler for ConfirmationFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut subjects = Vec::with_capacity(events.len());
        for stored in events {
            let unreadable =
                |error: &dyn std::fmt::Display| stored.unreadable(ServiceName::Declaration, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            if confirms(event.payload.as_ref()) {
                let subject: Result<SubjectId, _> = event.subject_id.parse();
                subjects.push(subject.map_err(|error| unreadable(&error))?);
            }
        }
        let now = self.clock.now();
        let cipher = self.fields.ready().await?;
        let this = self.clone();
        let confirmed = self.database.write(move |transaction| {
            async move {
                store::confirm(transaction, &subjects, now).await?;
                if this.asks_for_cards {
                    health_cards::add_pending(transaction, &subjects, now).await?;
                }
                homes::publish(transaction, &this.outbox, &cipher, &subjects, now).await?;
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

/// Whether an event says that a registration is used: an application or an arrival was acknowledged, even one that waits. A daily report
/// is about a person who was registered before, and confirms nothing. Events of other kinds, which a later version of the contract may
/// have, are ignored.
fn confirms(payload: Option<&Payload>) -> bool {
    match payload {
        Some(Payload::DeclarationAccepted(accepted)) => !accepted.declaration.starts_with(DAILY_REPORTS),
        Some(Payload::ArrivalPostponed(_)) => true,
        None => false,
    }
}

/// Erases unconfirmed registrations at an interval, each time after declaration's log was read to its end, which has every
/// acknowledged declaration.
pub async fn erase_unconfirmed(registry: Registry, log: Follower, foundation: Foundation) {
    while !pause(ERASE_INTERVAL, &foundation.stop).await {
        let before = foundation.now().minus(CONFIRMATION_TIMEOUT);
        let erased = match log.catch_up().await {
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
