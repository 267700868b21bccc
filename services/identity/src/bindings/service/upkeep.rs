//! What ends bindings by itself: time without a consent, and the ward's coming of age. Ends that code-rendering did not confirm are
//! delivered again.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, pause};
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_transport::client::Call;

use super::Bindings;
use crate::bindings::domain::{EndReason, State};
use crate::bindings::store::{self, StoredBinding, changes};
use crate::messages::Message;
use crate::people::store::registered;

/// The interval of the task.
const INTERVAL: Duration = Duration::from_secs(2);
/// Bindings of one round.
const BATCH: u64 = 100;
/// How long code-rendering may take to know the end of one binding.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);
/// A notice that was not sent is sent again after this time.
const RETRY: Duration = Duration::from_secs(300);

impl Bindings {
    /// Ends what is due, at an interval.
    pub async fn run(self, foundation: Foundation) {
        while !pause(INTERVAL, &foundation.stop).await {
            if let Err(fault) = self.round().await {
                tracing::warn!(%fault, "bindings are ended with the next round");
            }
        }
    }

    async fn round(&self) -> Result<(), Fault> {
        let now = self.clock.now();
        let reader = self.database.reader();
        let waited = Duration::from_secs(u64::from(self.policy.consent_days.unsigned_abs()) * 86_400);
        for stored in store::older(reader, now.minus(waited), BATCH).await? {
            let id = stored.binding.id;
            let expired = self.database.write(move |transaction| {
                changes::end_pending(transaction, id, EndReason::ConsentExpired, now).boxed()
            });
            let expired: Result<bool, StorageError> = expired.await;
            expired?;
        }
        for stored in store::of_age(reader, now, BATCH).await? {
            self.end_of_age(stored, now).await?;
        }
        for stored in store::ending(reader, BATCH).await? {
            self.finish(stored, &Call::background(FINISH_TIMEOUT)).await?;
        }
        self.send_notices(now).await
    }

    async fn end_of_age(&self, stored: StoredBinding, now: Timestamp) -> Result<(), Fault> {
        self.fields.ready().await?;
        let this = self.clone();
        let ended = self.database.write(move |transaction| {
            async move {
                this.begin_end_in(transaction, &stored.binding, EndReason::CameOfAge, now)
                    .await
            }
            .boxed()
        });
        ended.await?;
        self.outbox.wake();
        Ok(())
    }

    /// Tells both sides that a binding has ended. A message that was not sent is sent again, so that one may come twice.
    async fn send_notices(&self, now: Timestamp) -> Result<(), Fault> {
        for (stored, due) in changes::due_notices(self.database.reader(), now, BATCH).await? {
            let (id, retry_at) = (stored.binding.id, now.plus(RETRY));
            if stored.binding.state != State::Ended || !self.move_notice(id, due, Some(retry_at)).await? {
                continue;
            }
            let people = std::iter::once(stored.binding.binder).chain(stored.binding.ward);
            let mobiles = self.mobiles(people.collect()).await?;
            let mut is_sent = true;
            for mobile in mobiles {
                is_sent &= self.messages.send(&mobile, &Message::WardOfAge).await.is_ok();
            }
            if is_sent {
                self.move_notice(id, retry_at, None).await?;
            }
        }
        Ok(())
    }

    async fn move_notice(
        &self,
        id: uuid::Uuid,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<bool, StorageError> {
        self.database
            .write(move |transaction| changes::move_notice(transaction, id, from, to).boxed())
            .await
    }

    /// The mobiles of those who are registered; one that is of two people only once.
    async fn mobiles(&self, people: Vec<SubjectId>) -> Result<Vec<Mobile>, Fault> {
        let mut mobiles: Vec<Mobile> = Vec::new();
        let cipher = self.fields.ready().await?;
        for subject in people {
            mobiles.extend(registered::mobile(self.database.reader(), &cipher, subject).await?);
        }
        mobiles.dedup();
        Ok(mobiles)
    }
}
