//! Reading on in an outbox.
//!
//! A place names the last event that was read by its sequence and by a proof of which event that was. A log that took the
//! place of another (an empty database, a backup that was restored and has gone on) gives the same sequences to other events:
//! a follower would pass over what it has not read, and nobody would notice. With the proof it is told.

use lutong_kernel::{Fault, FaultCode};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use sha2::{Digest as _, Sha256};

use super::{Outbox, StoredEvent, outbox};
use crate::StorageError;

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

/// Events that follow a place.
#[derive(Debug)]
pub struct LogPage {
    pub events: Vec<StoredEvent>,
    /// The place of the last of them: where to read on.
    pub next: LogPlace,
    /// The newest sequence of the log.
    pub head: i64,
}

/// A place in a log: the sequence of the last event that was read, and which event that was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPlace {
    sequence: i64,
    proof: Proof,
}

impl LogPlace {
    /// `None` for bytes that [`Self::to_bytes`] never wrote.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (sequence, proof) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            sequence: i64::from_be_bytes(*sequence),
            proof: proof.try_into().ok()?,
        })
    }

    pub fn to_bytes(self) -> Vec<u8> {
        [self.sequence.to_be_bytes(), self.proof].concat()
    }
}

impl Outbox {
    /// At most `limit` events that follow a place, in order. A place of another log is refused.
    pub async fn read_after(&self, place: LogPlace, limit: u32) -> Result<LogPage, Fault> {
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
        let rows = self.rows_after(place.sequence, limit).await?;
        let mut next = place;
        let mut events = Vec::with_capacity(rows.len());
        for (event, proof) in rows {
            next = LogPlace {
                sequence: event.sequence,
                proof,
            };
            events.push(event);
        }
        Ok(LogPage {
            events,
            head: head.max(next.sequence),
            next,
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
