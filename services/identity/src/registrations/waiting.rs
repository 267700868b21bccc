//! Registrations that wait: the authority is asked again, and after thirty days they are erased.

use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, pause};
use lutong_kernel::{Fault, MissingProof, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::outbox::{NewEvent, Outbox};
use uuid::Uuid;

use super::domain::{Linking, RealName};
use super::service::claimant::Claimant;
use super::service::{Registrations, evidence_now};
use super::store::{self, End, WaitingRegistration};
use crate::events::registration_decided;
use crate::messages::Notice;
use crate::people::store as people;

/// The interval of the task.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a registration waits before its items are erased.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Registrations of one round.
const BATCH: u64 = 100;

/// What became of a registration.
enum Settled {
    Linked(SubjectId, Option<Notice>),
    Waits,
    Refused,
}

/// Settles registrations that wait; cheap to clone.
#[derive(Clone)]
pub struct WaitingRoom {
    registrations: Registrations,
    outbox: Outbox,
}

impl WaitingRoom {
    pub const fn new(registrations: Registrations, outbox: Outbox) -> Self {
        Self {
            registrations,
            outbox,
        }
    }

    /// Settles what is due, at an interval.
    pub async fn run(self, foundation: Foundation) {
        while !pause(INTERVAL, &foundation.stop).await {
            if let Err(fault) = self.round().await {
                tracing::warn!(%fault, "registrations that wait are settled with the next round");
            }
        }
    }

    /// Asks the authority about what is due, and erases what has waited too long.
    pub async fn round(&self) -> Result<(), Fault> {
        let now = self.registrations.clock.now();
        let retry_at = now.plus(self.registrations.retry);
        let due = self
            .registrations
            .database
            .write(move |transaction| store::take_due(transaction, now, retry_at, BATCH).boxed());
        let due: Vec<WaitingRegistration> = due.await.map_err(|error: StorageError| Fault::from(error))?;
        for waiting in due {
            self.ask(waiting, now).await?;
        }
        let old = store::older(self.registrations.database.reader(), now.minus(LONGEST), BATCH).await?;
        for id in old {
            self.end(id, End::Expired, now).await?;
        }
        Ok(())
    }

    async fn ask(&self, waiting: WaitingRegistration, now: Timestamp) -> Result<(), Fault> {
        let cipher = self.registrations.fields.ready().await?;
        let person = waiting
            .sealed
            .open(&cipher, waiting.seal_subject(), now.local_day())?;
        match self.registrations.check.check(&person).await {
            RealName::Unavailable => Ok(()),
            answer => {
                let claimant = Claimant {
                    account: waiting.account.clone(),
                    evidence: evidence_now(&waiting, answer),
                    index: waiting.index,
                    mobile_index: waiting.mobile_index,
                    person,
                };
                self.settle(waiting, claimant, now).await
            }
        }
    }

    /// Decides anew with what the authority answered, in one transaction with the event that says so.
    async fn settle(
        &self,
        waiting: WaitingRegistration,
        claimant: Claimant,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let cipher = self.registrations.fields.ready().await?;
        let outbox = self.outbox.clone();
        let settled = self.registrations.database.write(move |transaction| {
            async move {
                // Settled meanwhile, by another registration of the same account or at a counter.
                if store::lock(transaction, waiting.id).await?.is_none() {
                    return Ok::<_, Fault>(Settled::Waits);
                }
                let known = people::find(transaction, &waiting.index).await?;
                let linking = claimant.decide(transaction, &cipher, known.as_ref()).await?;
                let (settled, event) = match linking {
                    Linking::Link | Linking::LinkAndTell => {
                        let decided = (waiting.id, linking);
                        let linked = claimant
                            .link_waiting(transaction, &cipher, known.as_ref(), decided, now)
                            .await;
                        match linked {
                            Ok(linked) => (Settled::Linked(linked.subject, linked.tell), linked.event),
                            Err(fault) if fault.reason == "ACCOUNT_BOUND_DIFFERENTLY" => {
                                refuse(transaction, waiting.id, now).await?
                            }
                            Err(fault) => return Err(fault),
                        }
                    }
                    Linking::Wait(MissingProof::RealNameCheck) => return Ok(Settled::Waits),
                    Linking::Wait(missing) => {
                        store::wait_for(transaction, waiting.id, missing).await?;
                        (
                            Settled::Waits,
                            registration_decided(waiting.id, None, Some(missing), now),
                        )
                    }
                    Linking::Refuse => refuse(transaction, waiting.id, now).await?,
                };
                outbox.seal(now, vec![event]).await?.append(transaction).await?;
                Ok(settled)
            }
            .boxed()
        });
        let settled = settled.await?;
        self.outbox.wake();
        if let Settled::Linked(subject, tell) = settled {
            tracing::info!(%subject, "a registration that waited was linked");
            self.registrations.tell(tell);
        }
        Ok(())
    }

    async fn end(&self, id: Uuid, end: End, now: Timestamp) -> Result<(), Fault> {
        let outbox = self.outbox.clone();
        let ended = self.registrations.database.write(move |transaction| {
            async move {
                if store::end(transaction, &[id], end, now).await? > 0 {
                    let event = registration_decided(id, None, None, now);
                    outbox.seal(now, vec![event]).await?.append(transaction).await?;
                }
                Ok::<_, Fault>(())
            }
            .boxed()
        });
        ended.await?;
        self.outbox.wake();
        Ok(())
    }
}

async fn refuse(
    transaction: &sea_orm::DatabaseTransaction,
    id: Uuid,
    now: Timestamp,
) -> Result<(Settled, NewEvent), Fault> {
    store::end(transaction, &[id], End::Refused, now).await?;
    Ok((Settled::Refused, registration_decided(id, None, None, now)))
}
