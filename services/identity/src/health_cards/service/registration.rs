//! Asks the card platform for the numbers of cards that wait, and tells it what has changed about the holders of others, until it answers. A card that was asked for when the process was killed is
//! asked for again: the platform answers the same number.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::Foundation;
use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;

use super::HealthCards;
use crate::health_cards::store::{self, SealedNumber};
use crate::peers::card_platform::Answer;
use crate::people::store::registered;
use crate::rounds;

/// Cards of one round, which are asked for side by side.
const BATCH: u64 = 20;

impl HealthCards {
    /// Asks for the numbers of cards until the process stops.
    pub async fn run(self, foundation: Foundation) {
        if !self.platform.is_on() {
            return;
        }
        let bell = Arc::clone(&self.bell);
        let round = move || {
            let this = self.clone();
            async move { this.round().await }
        };
        rounds::run(foundation, bell, BATCH, "health cards", round).await;
    }

    /// Asks for what is due and returns how many cards the platform gave a clear answer for.
    async fn round(&self) -> Result<u64, Fault> {
        let now = self.clock.now();
        if !store::is_any_due(self.database.reader(), now).await? {
            return Ok(0);
        }
        let retry_at = now.plus(self.retry);
        let taken = self.database.write(move |transaction| {
            async move { store::take_due(transaction, now, retry_at, BATCH).await }.boxed()
        });
        let due: Result<Vec<SubjectId>, StorageError> = taken.await;
        let asked = due?.into_iter().map(|subject| self.ask(subject, retry_at));
        let asked = futures::future::join_all(asked).await;
        let clear = asked.into_iter().collect::<Result<Vec<bool>, Fault>>()?;
        Ok(clear.into_iter().filter(|is_clear| *is_clear).count() as u64)
    }

    /// Asks for one card, or tells of what has changed about the holder of one; whether the platform gave a clear answer.
    async fn ask(&self, subject: SubjectId, retry_at: Timestamp) -> Result<bool, Fault> {
        let (reader, cipher) = (self.database.reader(), self.fields.ready().await?);
        let (stored, card) = (
            registered::by_subject(reader, subject).await?,
            store::find(reader, subject).await?,
        );
        let (Some(stored), Some(card)) = (stored, card) else {
            // Erased meanwhile: whoever registers the document again asks anew.
            return self.refuse(subject, retry_at).await.map(|()| true);
        };
        let today = self.clock.now().local_day();
        let person = stored.sealed.open(&cipher, subject, today)?;
        let known = card.number(&cipher)?;
        let answer = match &known {
            None => self.platform.register(&person).await,
            Some(number) => self.platform.modify(&person, number).await,
        };
        let number = match answer {
            Answer::Good(number) => number,
            Answer::Refused => {
                if known.is_some() {
                    tracing::error!(%subject, "the card platform refuses what has changed about the holder of a card");
                }
                return self.refuse(subject, retry_at).await.map(|()| true);
            }
            Answer::Unavailable => return Ok(false),
        };
        let sealed = SealedNumber::seal(&cipher, &self.key, subject, &number)?;
        let now = self.clock.now();
        let stored = self.database.write(move |transaction| {
            async move {
                let is_theirs = store::take_number(transaction, subject, sealed, now).await?;
                if is_theirs {
                    store::settle(transaction, subject, retry_at).await?;
                }
                Ok::<_, StorageError>(is_theirs)
            }
            .boxed()
        });
        if !stored.await? {
            // Two subjects that are one person, or a platform that lies: nobody gets another one's card.
            tracing::error!(%subject, "the card platform gave a number that another person's card has");
            self.refuse(subject, retry_at).await?;
        }
        Ok(true)
    }

    async fn refuse(&self, subject: SubjectId, retry_at: Timestamp) -> Result<(), Fault> {
        let refused = self.database.write(move |transaction| {
            async move {
                store::refuse(transaction, subject).await?;
                store::settle(transaction, subject, retry_at).await
            }
            .boxed()
        });
        let refused: Result<(), StorageError> = refused.await;
        Ok(refused?)
    }
}
