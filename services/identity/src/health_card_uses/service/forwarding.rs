//! Passes reports of use on to the card platform, until it takes them. A report that was passed on when the process was killed is passed on
//! again.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::Foundation;
use lutong_kernel::Fault;
use lutong_storage::StorageError;

use super::HealthCardUses;
use crate::health_card_uses::domain::HealthCardUse;
use crate::health_card_uses::store;
use crate::health_cards::store as cards;
use crate::medical_institutions::store as institutions;
use crate::medical_terminals::domain::Place;
use crate::medical_terminals::store as terminals;
use crate::peers::card_platform::{Answer, ReportedUse};
use crate::people::store::registered;
use crate::rounds;

/// Reports of one round, which are passed on side by side.
const BATCH: u64 = 20;

impl HealthCardUses {
    /// Passes reports on until the process stops.
    pub async fn run(self, foundation: Foundation) {
        if !self.platform.is_on() {
            return;
        }
        let bell = Arc::clone(&self.bell);
        let round = move || {
            let this = self.clone();
            async move { this.round().await }
        };
        rounds::run(foundation, bell, BATCH, "reports of use", round).await;
    }

    /// Passes on what is due and returns how many reports the platform gave a clear answer to.
    async fn round(&self) -> Result<u64, Fault> {
        let now = self.clock.now();
        if !store::is_any_due(self.database.reader(), now).await? {
            return Ok(0);
        }
        let (retry_at, cipher) = (now.plus(self.retry), self.fields.ready().await?);
        let taken = self.database.write(move |transaction| {
            async move { store::take_due(transaction, &cipher, now, retry_at, BATCH).await }.boxed()
        });
        let due: Result<Vec<HealthCardUse>, Fault> = taken.await;
        let passed = futures::future::join_all(due?.iter().map(|used| self.pass_on(used))).await;
        let clear = passed.into_iter().collect::<Result<Vec<bool>, Fault>>()?;
        Ok(clear.into_iter().filter(|is_clear| *is_clear).count() as u64)
    }

    /// Passes one report on; whether the platform gave a clear answer.
    async fn pass_on(&self, used: &HealthCardUse) -> Result<bool, Fault> {
        let reader = self.database.reader();
        let cipher = self.fields.ready().await?;
        let stored = registered::by_subject(reader, used.subject).await?;
        let card = cards::find(reader, used.subject).await?;
        let terminal = terminals::find(reader, used.terminal).await?;
        let institution = institutions::find_all(reader, [used.institution]).await?;
        let institution = institution.into_values().next();
        let (Some(stored), Some(card), Some(terminal), Some(institution)) =
            (stored, card, terminal, institution)
        else {
            return Ok(false);
        };
        // Without a number there is no card that the platform knows: it is passed on once there is one.
        let Some(number) = card.number(&cipher)? else {
            return Ok(false);
        };
        let person = stored.sealed.open(&cipher, used.subject, used.at.local_day())?;
        let place = Place {
            terminal,
            institution,
        };
        let reported = ReportedUse {
            place: &place,
            number: &number,
            person: &person,
            step: used.content.step,
            department: &used.content.department,
            payment: &used.content.payment,
            at: used.at,
        };
        let reported_at = match self.platform.report(&reported).await {
            Answer::Good(()) => Some(self.clock.now()),
            Answer::Refused => {
                tracing::error!(health_card_use = %used.id, "the card platform refuses a report of use");
                None
            }
            Answer::Unavailable => return Ok(false),
        };
        let key = (used.subject, used.id);
        let settled = self.database.write(move |transaction| {
            async move { store::settle(transaction, key, reported_at).await }.boxed()
        });
        let settled: Result<(), StorageError> = settled.await;
        settled?;
        Ok(true)
    }
}
