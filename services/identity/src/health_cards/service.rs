//! A person's own card: asked for, seen, suspended and resumed.

pub mod reading;
pub mod registration;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Mutation;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, Random, SubjectId};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, Key};
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;
use tokio::sync::Notify;

use super::domain::{Action, CardNumber, State};
use super::store::{self, StoredCard};
use crate::fault::health_cards as fault;
use crate::fault::person_changes::person_not_found;
use crate::medical_terminals::service::MedicalTerminals;
use crate::peers::card_platform::CardPlatform;
use crate::peers::code_rendering::CodeRendering;
use crate::people::store::registered;

/// All cards; cheap to clone.
#[derive(Clone)]
pub struct HealthCards {
    database: Database,
    fields: FieldCipher,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    platform: CardPlatform,
    code_rendering: CodeRendering,
    terminals: MedicalTerminals,
    /// How long the platform is left alone after it did not answer.
    retry: Duration,
    /// Rung when a card waits for its number.
    bell: Arc<Notify>,
}

/// What cards are built of.
pub struct Parts {
    pub platform: CardPlatform,
    pub code_rendering: CodeRendering,
    pub terminals: MedicalTerminals,
    pub retry: Duration,
}

/// A card as its holder sees it.
#[derive(Debug, Clone)]
pub struct View {
    pub card: StoredCard,
    pub number: Option<CardNumber>,
}

/// The tag of a card's state.
pub fn etag(card: &StoredCard) -> Etag {
    let since = card.suspended_at.or(card.activated_at).unwrap_or(card.created_at);
    let parts = [card.state.into_str().to_owned(), since.micros().to_string()];
    Etag::of(&card.subject.to_string(), parts)
}

impl HealthCards {
    pub fn new(store: &Store, foundation: &Foundation, parts: Parts) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            platform: parts.platform,
            code_rendering: parts.code_rendering,
            terminals: parts.terminals,
            retry: parts.retry,
            bell: Arc::default(),
        }
    }

    /// The caller's card.
    pub async fn get(&self, permit: &SelfPermit) -> Result<View, Fault> {
        let subject = permit.subject().map_err(|_| fault::card_not_found())?;
        self.view(subject).await
    }

    /// Asks for the caller's card, or once more for one that was refused.
    pub async fn create(&self, call: Mutation<SelfPermit>) -> Result<View, Fault> {
        if !self.platform.is_on() {
            return Err(fault::cards_off());
        }
        let subject = call.permit.subject().map_err(|_| person_not_found())?;
        let (now, request) = (self.clock.now(), call.request);
        let created = self.database.write(move |transaction| {
            async move {
                let person = registered::by_subject(transaction, subject).await?;
                person.ok_or_else(person_not_found)?;
                let answer = subject.uuid();
                let claim = idempotency::claim(transaction, &request, answer.as_bytes(), now).await?;
                if claim == Claim::Fresh {
                    store::add_pending(transaction, &[subject], now).await?;
                    store::ask_again(transaction, subject, now).await?;
                }
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        created.await?;
        self.bell.notify_one();
        self.view(subject).await
    }

    /// Suspends or resumes the caller's card.
    pub async fn act(&self, call: Mutation<SelfPermit>, action: Action, seen: String) -> Result<View, Fault> {
        let subject = call.permit.subject().map_err(|_| fault::card_not_found())?;
        let (now, request) = (self.clock.now(), call.request);
        let done = self.database.write(move |transaction| {
            async move {
                let card = store::lock(transaction, subject).await?;
                let card = card.ok_or_else(fault::card_not_found)?;
                let answer = subject.uuid();
                let claim = idempotency::claim(transaction, &request, answer.as_bytes(), now).await?;
                if claim != Claim::Fresh {
                    return Ok::<_, Fault>(());
                }
                let (before, after) = action.transition();
                etag(&card).check(&seen, card.state.into_str())?;
                if card.state != before {
                    return Err(reply::wrong_state(card.state.into_str(), &[before.into_str()]));
                }
                let suspended_at = (after == State::Suspended).then_some(now);
                store::set_state(transaction, subject, after, suspended_at).await?;
                Ok(())
            }
            .boxed()
        });
        done.await?;
        self.view(subject).await
    }

    async fn view(&self, subject: SubjectId) -> Result<View, Fault> {
        let card = store::find(self.database.reader(), subject).await?;
        let card = card.ok_or_else(fault::card_not_found)?;
        let number = card.number(&self.fields.ready().await?)?;
        Ok(View { card, number })
    }
}
