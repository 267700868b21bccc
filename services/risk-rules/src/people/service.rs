//! Follows the event log of identity, which publishes merges of subjects and divisions of residence. Facts keep their subject; the
//! current facts of every subject of a person are rebuilt from the statements when the person changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Clock, DivisionCode, Fault, ServiceName, SubjectId, Timestamp};
use lutong_proto::identity::v1::Event;
use lutong_proto::identity::v1::event::Payload;
use lutong_risk_engine::merge::{MergeStep, MergedPeople};
use lutong_risk_engine::packed::PackedFact;
use lutong_storage::Database;
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_transport::client::Call;
use prost::Message as _;
use sea_orm::DatabaseTransaction;

use super::store as merges;
use crate::basis::service::{Basis, BasisBook};
use crate::decisions::domain::Decision;
use crate::decisions::service::deciding::Decider;
use crate::decisions::service::delivery::Delivery;
use crate::facts::store::statements;
use crate::subjects::service::{LockedSubject, lock};
use crate::subjects::store as subjects;

/// Deadline of a call to code-rendering.
const DEADLINE: Duration = Duration::from_secs(2);

/// Applies merges and residences.
#[derive(Clone)]
pub struct IdentityFollower {
    database: Database,
    clock: Arc<dyn Clock>,
    book: BasisBook,
    decider: Decider,
    delivery: Delivery,
}

#[async_trait::async_trait]
impl EventHandler for IdentityFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut changes = IdentityChanges::default();
        for stored in events {
            let unreadable = |error: &dyn std::fmt::Display| stored.unreadable(ServiceName::Identity, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            changes.add(event).map_err(|error| unreadable(&error))?;
        }
        let made = self.apply(changes, position).await?;
        self.delivery
            .bring_into_force(&Call::background(DEADLINE), &made)
            .await;
        Ok(())
    }
}

/// The content of several events.
#[derive(Debug, Default)]
struct IdentityChanges {
    steps: Vec<MergeStep>,
    homes: BTreeMap<SubjectId, DivisionCode>,
}

impl IdentityChanges {
    fn add(&mut self, event: Event) -> Result<(), Box<dyn std::error::Error>> {
        // A registration concerns nobody yet.
        if matches!(event.payload, Some(Payload::RegistrationDecided(_)) | None) {
            return Ok(());
        }
        let subject: SubjectId = event.subject_id.parse()?;
        let (into, version) = match event.payload {
            Some(Payload::SubjectMerged(merged)) => (Some(merged.into_subject_id.parse()?), merged.version),
            Some(Payload::SubjectUnmerged(unmerged)) => (None, unmerged.version),
            Some(Payload::SubjectPlaced(placed)) => {
                self.homes
                    .insert(subject, DivisionCode::parse(&placed.division)?.county());
                return Ok(());
            }
            // Events of a later version of the contract that have no meaning here are skipped.
            // A binding changes who shows a code, not what is known of anybody.
            Some(
                Payload::RegistrationDecided(_) | Payload::BindingActivated(_) | Payload::BindingEnded(_),
            )
            | None => return Ok(()),
        };
        self.steps.push(MergeStep {
            subject,
            into,
            version,
            // Assigned when the step is stored.
            recorded_at: Timestamp::MIN,
        });
        Ok(())
    }
}

impl IdentityFollower {
    pub const fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        book: BasisBook,
        decider: Decider,
        delivery: Delivery,
    ) -> Self {
        Self {
            database,
            clock,
            book,
            decider,
            delivery,
        }
    }

    /// Stores changes and decides again about every subject whose person has changed.
    async fn apply(&self, changes: IdentityChanges, position: Position) -> Result<Vec<Decision>, Fault> {
        let cipher = self.decider.ready().await?;
        let this = self.clone();
        let IdentityChanges { steps, homes } = changes;
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
        self.decider.publish();
        Ok(made)
    }

    async fn merge(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        steps: Vec<MergeStep>,
    ) -> Result<Vec<Decision>, Fault> {
        let basis = self.book.exclusive(transaction).await?;
        let mut merged = (*basis.merged).clone();
        let mut made = Vec::new();
        for step in steps {
            let changed = merged.apply(&step);
            if changed.is_empty() {
                continue;
            }
            let locked = lock(transaction, cipher, changed).await?;
            // After everything that is recorded about them, so that earlier decisions can be replayed.
            let last = locked.values().map(|locked| locked.row.latest_at).max();
            let next = last.map(|last| last.plus_micros(1));
            let at = next.unwrap_or(Timestamp::MIN).max(self.clock.now());
            made.extend(
                self.redecide(transaction, cipher, (&basis, &merged), locked, at)
                    .await?,
            );
            let step = MergeStep {
                recorded_at: at,
                ..step
            };
            merges::insert(transaction, &step).await?;
            tracing::info!(subject = %step.subject, merged = step.into.is_some(), "the person of a subject has changed");
        }
        Ok(made)
    }

    /// Rebuilds the current facts of locked subjects, decides about them at an instant and saves them.
    async fn redecide(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        (basis, merged): (&Basis, &MergedPeople),
        mut locked: BTreeMap<SubjectId, LockedSubject>,
        at: Timestamp,
    ) -> Result<Vec<Decision>, Fault> {
        rebuild_facts(transaction, cipher, merged, &mut locked).await?;
        for locked in locked.values_mut() {
            locked.row.latest_at = at;
            locked.row.seal(cipher, &locked.facts)?;
        }
        let mut locked: Vec<LockedSubject> = locked.into_values().collect();
        let made = self.decider.decide(transaction, basis, &mut locked, at).await?;
        subjects::save(transaction, locked.iter().map(|locked| &locked.row)).await?;
        Ok(made)
    }
}

/// Sets the current facts of locked subjects to the current statements about all subjects of their person.
async fn rebuild_facts(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    merged: &MergedPeople,
    locked: &mut BTreeMap<SubjectId, LockedSubject>,
) -> Result<(), Fault> {
    let mut left: BTreeSet<SubjectId> = locked.keys().copied().collect();
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
            if let Some(locked) = locked.get_mut(&subject) {
                locked.facts.clone_from(&facts);
            }
        }
    }
    Ok(())
}
