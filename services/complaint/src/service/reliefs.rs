//! Tells risk-rules which reliefs are wanted and which end, until it has heard: at once after what ends one, and again by every worker. What
//! is told is the same each time, so that it is done once.

use futures::FutureExt as _;
use lutong_kernel::{Fault, FaultCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::Complaints;
use super::reviews::{Said, move_on};
use crate::domain::log::{Actor, Happening};
use crate::domain::relief::ReliefState;
use crate::domain::review::FactReview;
use crate::domain::tracking::TrackingNumber;
use crate::store::{cases, reviews};

/// Reliefs that are read at once.
const CHUNK: u64 = 100;

impl Complaints {
    /// Goes through all reliefs that are to be moved. One that cannot be moved holds up no other.
    pub(super) async fn move_reliefs(&self) -> Result<(), StorageError> {
        let mut after = None;
        loop {
            let now = self.clock.now();
            let found = reviews::reliefs_to_move(self.database.reader(), now, after, CHUNK).await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = Some(*last);
            for (id, _) in found {
                self.try_to_move(id).await;
            }
        }
    }

    /// Moves the reliefs of one appeal at once. What fails is done by the next round.
    pub(super) async fn move_reliefs_of(&self, number: &TrackingNumber) {
        let moved = async {
            let cipher = self.fields.ready().await?;
            let asked = reviews::of_case(self.database.reader(), &cipher, number).await?;
            let is_ending = |review: &&FactReview| {
                let relief = review.relief.as_ref();
                relief.is_some_and(|relief| relief.state == ReliefState::Ending)
            };
            for review in asked.iter().filter(is_ending) {
                self.try_to_move(review.id).await;
            }
            Ok::<_, Fault>(())
        };
        if let Err(fault) = moved.await {
            tracing::warn!(%fault, "the reliefs of an appeal are moved with the next round");
        }
    }

    async fn try_to_move(&self, id: Uuid) {
        if let Err(fault) = self.move_one(id).await {
            tracing::warn!(review = %id, %fault, "a relief is moved with the next round");
        }
    }

    async fn move_one(&self, id: Uuid) -> Result<(), Fault> {
        let (cipher, now) = (self.fields.ready().await?, self.clock.now());
        let found = reviews::find(self.database.reader(), &cipher, id).await?;
        let Some((review, relief)) = found.and_then(|review| Some((review.clone(), review.relief?))) else {
            return Ok(());
        };
        let next = match relief.state {
            ReliefState::Wanted if relief.runs_at(now) => {
                match self.peers.give_relief(&review, &relief).await {
                    Ok(()) => ReliefState::Given,
                    Err(fault) if is_final(&fault) => ReliefState::Pointless,
                    Err(fault) => return Err(fault),
                }
            }
            ReliefState::Ending => match self.peers.end_relief(&review, &relief).await {
                Ok(()) => ReliefState::Ended,
                Err(fault) if is_final(&fault) => ReliefState::Ended,
                Err(fault) => return Err(fault),
            },
            ReliefState::Wanted => ReliefState::Pointless,
            ReliefState::Given if relief.runs_at(now) => return Ok(()),
            ReliefState::Given => ReliefState::Ended,
            ReliefState::Ended | ReliefState::Pointless => return Ok(()),
        };
        let step = Move {
            id,
            from: relief.state,
            next,
            now,
        };
        let number = review.case;
        self.database
            .write(move |transaction| {
                async move { note_in(transaction, &cipher, &number, step).await }.boxed()
            })
            .await
    }
}

/// Whether risk-rules says the same however often it is asked.
fn is_final(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::NotFound | FaultCode::FailedPrecondition)
}

/// What became of a relief.
#[derive(Clone, Copy)]
struct Move {
    id: Uuid,
    from: ReliefState,
    next: ReliefState,
    now: Timestamp,
}

/// Notes what became of a relief, unless another worker or an answer of the source has moved it.
async fn note_in(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    step: Move,
) -> Result<(), Fault> {
    let Some(mut complaint) = cases::lock(transaction, cipher, number).await? else {
        return Ok(());
    };
    let Some(mut review) = reviews::find(transaction, cipher, step.id).await? else {
        return Ok(());
    };
    let Some(relief) = review.relief.as_mut().filter(|relief| relief.state == step.from) else {
        return Ok(());
    };
    relief.state = step.next;
    reviews::save(transaction, cipher, &review).await?;
    let happening = match step.next {
        ReliefState::Given => Happening::ReliefGiven,
        ReliefState::Ended => Happening::ReliefEnded,
        ReliefState::Wanted | ReliefState::Ending | ReliefState::Pointless => return Ok(()),
    };
    let said = Said {
        happening,
        actor: Actor::Clock,
        text: None,
        now: step.now,
    };
    move_on(transaction, cipher, &mut complaint, said).await
}
