//! What identity tells: which subjects are one person, and in which division somebody lives. Facts keep their subject; what is
//! believed of one person is believed of each of their subjects, and is read anew from the statements when that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{DivisionCode, Fault, SubjectId, Timestamp};
use lutong_proto::identity::v1::Event;
use lutong_proto::identity::v1::event::Payload;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_transport::client::Call;
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::appending::hold;
use super::deciding::{Decider, Held};
use crate::domain::merged::{Merged, Step};
use crate::domain::packed::PackedFact;
use crate::store::decisions::StoredDecision;
use crate::store::{merges, statements, subjects};

const WITHIN: Duration = Duration::from_secs(2);

/// Takes what identity tells.
pub struct Identified(Decider);

impl Identified {
    pub const fn new(decider: Decider) -> Self {
        Self(decider)
    }
}

#[async_trait::async_trait]
impl EventHandler for Identified {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut told = Told::default();
        for stored in events {
            let unreadable = |error: &dyn std::fmt::Display| unreadable(stored.sequence, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            told.take(event).map_err(|error| unreadable(&error))?;
        }
        let made = self.0.take(told, position).await?;
        self.0.bring_into_force(&Call::background(WITHIN), &made).await;
        Ok(())
    }
}

/// What some events say together.
#[derive(Debug, Default)]
struct Told {
    steps: Vec<Step>,
    homes: BTreeMap<SubjectId, DivisionCode>,
}

impl Told {
    fn take(&mut self, event: Event) -> Result<(), Box<dyn std::error::Error>> {
        let subject: SubjectId = event.subject_id.parse()?;
        let (into, version) = match event.payload {
            Some(Payload::SubjectMerged(merged)) => (Some(merged.into_subject_id.parse()?), merged.version),
            Some(Payload::SubjectUnmerged(unmerged)) => (None, unmerged.version),
            Some(Payload::SubjectPlaced(placed)) => {
                self.homes
                    .insert(subject, DivisionCode::parse(&placed.division)?.county());
                return Ok(());
            }
            // Events of a later version of the contract that mean nothing here are passed over.
            None => return Ok(()),
        };
        self.steps.push(Step {
            subject,
            into,
            version,
            // Given when it is stored.
            recorded_at: Timestamp::MIN,
        });
        Ok(())
    }
}

fn unreadable(sequence: i64, error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(sequence, %error, "an event of identity cannot be read");
    Fault::internal()
}

impl Decider {
    /// Stores what was told, and decides anew about everybody who is one person with others than before.
    async fn take(&self, told: Told, position: Position) -> Result<Vec<StoredDecision>, Fault> {
        let cipher = self.ready().await?;
        let this = self.clone();
        let Told { steps, homes } = told;
        if steps.is_empty() {
            let placed = self.database.write(move |transaction| {
                async move {
                    subjects::place(transaction, &homes).await?;
                    position.advance(transaction).await
                }
                .boxed()
            });
            placed.await?;
            return Ok(Vec::new());
        }
        let made = self.book.change(move |transaction| {
            async move {
                let made = this.merge(transaction, &cipher, steps).await?;
                subjects::place(transaction, &homes).await?;
                position.advance(transaction).await?;
                Ok::<_, Fault>(made)
            }
            .boxed()
        });
        let made = made.await?;
        self.outbox.wake();
        Ok(made)
    }

    async fn merge(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        steps: Vec<Step>,
    ) -> Result<Vec<StoredDecision>, Fault> {
        let basis = self.book.alone(transaction).await?;
        let mut merged = (*basis.merged).clone();
        let mut made = Vec::new();
        for step in steps {
            let concerned = merged.apply(&step);
            if concerned.is_empty() {
                continue;
            }
            let mut held = hold(transaction, cipher, concerned).await?;
            // After everything that is known of any of them: a decision of before can be made again as it was.
            let last = held.values().map(|held| held.row.latest_at).max();
            let next = last.map(|last| last.plus_micros(1));
            let at = next.unwrap_or(Timestamp::MIN).max(self.clock.now());
            believe_together(transaction, cipher, &merged, &mut held).await?;
            for held in held.values_mut() {
                held.row.latest_at = at;
                held.row.seal(cipher, &held.facts)?;
            }
            let mut held: Vec<Held> = held.into_values().collect();
            made.extend(self.decide(transaction, &basis, &mut held, at).await?);
            let rows: Vec<_> = held.into_iter().map(|held| held.row).collect();
            subjects::save(transaction, &rows).await?;
            let step = Step {
                recorded_at: at,
                ..step
            };
            merges::insert(transaction, &step).await?;
            tracing::info!(subject = %step.subject, merged = step.into.is_some(), "who is one person has changed");
        }
        Ok(made)
    }
}

/// What is believed of each of `held`: everything that is stated of whoever is one person with them.
async fn believe_together(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    merged: &Merged,
    held: &mut BTreeMap<SubjectId, Held>,
) -> Result<(), Fault> {
    let mut left: BTreeSet<SubjectId> = held.keys().copied().collect();
    while let Some(first) = left.pop_first() {
        let person: Vec<_> = merged.person(first).collect();
        let mut facts = Vec::new();
        for row in statements::of_subjects(transaction, &person).await? {
            if row.superseded_at.is_none()
                && let Some(fact) = row.open(cipher)?
            {
                facts.push(PackedFact::new(fact.id, &fact.attributes));
            }
        }
        for subject in person {
            left.remove(&subject);
            if let Some(held) = held.get_mut(&subject) {
                held.facts.clone_from(&facts);
            }
        }
    }
    Ok(())
}
