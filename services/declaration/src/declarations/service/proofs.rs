//! Declarations that wait for a proof: this service follows identity's log, which says what became of a registration.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::id::IdError;
use lutong_kernel::{Clock, Fault, MissingProof, ServiceName, SubjectId, Timestamp};
use lutong_proto::identity::v1::event::Payload;
use lutong_proto::identity::v1::{Event, RegistrationDecided};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::{EventHandler, Outbox, Position, StoredEvent};
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::acknowledgement::event_of;
use super::corrections::correct_proved;
use crate::declarations::store;

/// Follows the log of identity.
#[derive(Clone)]
pub struct ProofFollower {
    database: Database,
    fields: FieldCipher,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy)]
struct Settlement {
    registration: SubjectId,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Linked(SubjectId),
    Waits(MissingProof),
    Refused,
}

impl ProofFollower {
    pub fn new(store: &Store, foundation: &Foundation, outbox: Outbox) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            outbox,
            clock: Arc::clone(&foundation.clock),
        }
    }

    /// Settles the declarations of a registration. Those of a person who is known now are accepted, as if they had just been made.
    async fn settle(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Settlement {
            registration,
            outcome,
        } = settlement;
        let mut events = Vec::new();
        for mut declaration in store::of_registration(transaction, cipher, registration).await? {
            match outcome {
                Outcome::Linked(subject) => {
                    declaration.subject = subject;
                    declaration.waiting_for = None;
                    correct_proved(transaction, cipher, &mut declaration).await?;
                    events.extend(event_of(&declaration));
                }
                Outcome::Waits(missing) => declaration.waiting_for = Some(missing),
                Outcome::Refused => declaration.refuse(now, None),
            }
            let next_check = declaration.can_try_step().then_some(now);
            store::settle(transaction, cipher, registration, &declaration, next_check).await?;
        }
        self.outbox.seal(now, events).await?.append(transaction).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl EventHandler for ProofFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut settlements = Vec::new();
        for stored in events {
            let unreadable = |error: &dyn std::fmt::Display| stored.unreadable(ServiceName::Identity, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            if let Some(Payload::RegistrationDecided(decided)) = &event.payload {
                settlements
                    .push(Settlement::read(&event.subject_id, decided).map_err(|error| unreadable(&error))?);
            }
        }
        let (cipher, this, now) = (self.fields.ready().await?, self.clone(), self.clock.now());
        let settled = self.database.write(move |transaction| {
            async move {
                for settlement in settlements {
                    this.settle(transaction, &cipher, settlement, now).await?;
                }
                position.advance(transaction).await?;
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        settled.await?;
        self.outbox.wake();
        Ok(())
    }
}

impl Settlement {
    fn read(subject: &str, decided: &RegistrationDecided) -> Result<Self, IdError> {
        let outcome = match (subject, decided.waiting_for().missing()) {
            (_, Some(missing)) => Outcome::Waits(missing),
            ("", None) => Outcome::Refused,
            (subject, None) => Outcome::Linked(subject.parse()?),
        };
        Ok(Self {
            registration: decided.registration_id.parse()?,
            outcome,
        })
    }
}
