//! A service's outbox as its contract's `ListEvents` answers it.
//!
//! A cursor names the last event that was read by its sequence and by a proof of which event that was. A log that took the
//! place of another (an empty database, a backup that was restored and has gone on) gives the same sequences to other events:
//! a follower would pass over what it has not read, and nobody would notice. With the proof it is told.

use lutong_kernel::{Fault, FaultCode};
use prost::Message;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use sha2::{Digest as _, Sha256};

use super::{Outbox, outbox};
use crate::skin::Cursor;
use crate::storage::StorageError;

/// Which event has a sequence: no secret, and no other event of another log has the same.
pub(super) type Proof = [u8; 8];

/// Of the row's id and the instant at which it was written, which stay when its payload is encrypted anew.
pub(super) fn proof(id: i64, created_at: i64) -> Proof {
    let digest = Sha256::new()
        .chain_update(id.to_be_bytes())
        .chain_update(created_at.to_be_bytes())
        .finalize();
    let mut proof = Proof::default();
    proof.copy_from_slice(&digest[..8]);
    proof
}

/// Events that follow a cursor.
#[derive(Debug)]
pub struct Told<E> {
    pub events: Vec<E>,
    pub next_cursor: String,
    /// The newest sequence of the log.
    pub head: i64,
}

#[derive(Clone, Copy, Default)]
struct Place {
    sequence: i64,
    proof: Proof,
}

impl Place {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (sequence, proof) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            sequence: i64::from_be_bytes(*sequence),
            proof: proof.try_into().ok()?,
        })
    }

    fn write(self) -> Vec<u8> {
        [self.sequence.to_be_bytes(), self.proof].concat()
    }
}

impl Outbox {
    /// The events that follow a cursor, in order. `number` writes the sequence, which was given after the event was stored,
    /// into it.
    pub async fn told<E: Message + Default>(
        &self,
        from: &Cursor,
        number: impl Fn(&mut E, i64),
    ) -> Result<Told<E>, Fault> {
        let mut place = match &from.after {
            None => Place::default(),
            Some(bytes) => Place::read(bytes).ok_or_else(crate::skin::foreign_cursor)?,
        };
        let head = self.head().await?;
        if place.sequence > 0 {
            let is_the_same = match self.proof_of(place.sequence).await? {
                Some(found) => found == place.proof,
                // Swept: what follows is either there or expired.
                None => place.sequence <= head,
            };
            if !is_the_same {
                return Err(replaced());
            }
        }
        let limit = u32::try_from(from.size).unwrap_or(u32::MAX);
        let stored = self.rows_after(place.sequence, limit).await?;
        let mut events = Vec::with_capacity(stored.len());
        for (one, proof) in stored {
            let sequence = one.sequence;
            let mut event = E::decode(&*one.payload).map_err(|error| {
                tracing::error!(sequence, %error, "a stored event cannot be read");
                Fault::internal()
            })?;
            number(&mut event, sequence);
            events.push(event);
            place = Place { sequence, proof };
        }
        Ok(Told {
            events,
            next_cursor: from.at(&place.write())?,
            head: head.max(place.sequence),
        })
    }

    async fn head(&self) -> Result<i64, StorageError> {
        let last: Option<Option<i64>> = outbox::Entity::find()
            .select_only()
            .column_as(outbox::Column::Sequence.max(), "last")
            .into_tuple()
            .one(self.database.reader())
            .await?;
        Ok(last.flatten().unwrap_or(0))
    }

    async fn proof_of(&self, sequence: i64) -> Result<Option<Proof>, StorageError> {
        let row: Option<(i64, i64)> = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::Id)
            .column(outbox::Column::CreatedAt)
            .filter(outbox::Column::Sequence.eq(sequence))
            .into_tuple()
            .one(self.database.reader())
            .await?;
        Ok(row.map(|(id, created_at)| proof(id, created_at)))
    }
}

fn replaced() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "LOG_REPLACED",
        "此日志已被另一份替换，请从头读取",
        "this log took the place of the one that the cursor is of: read from the beginning",
    )
}

/// Serves `EventLogService` of one package of the contract: `event_log_service!(identity)` makes `EventLog`.
#[macro_export]
macro_rules! event_log_service {
    ($package:ident) => {
        use lutong_proto::$package::v1 as wire;

        /// This service's log for its followers.
        pub struct EventLog(pub $crate::outbox::Outbox);

        impl lutong_skin::$package::v1::EventLogHandler for EventLog {
            async fn list_events(
                &self,
                call: $crate::skin::Following<$crate::access::AnyPermit>,
                _: wire::ListEventsRequest,
            ) -> Result<wire::ListEventsResponse, lutong_kernel::Fault> {
                let number = |event: &mut wire::Event, sequence| event.sequence = sequence;
                let told = self.0.told(&call.from, number).await?;
                Ok(wire::ListEventsResponse {
                    events: told.events,
                    next_cursor: told.next_cursor,
                    head_sequence: told.head,
                })
            }
        }
    };
}
