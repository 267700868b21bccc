//! Reading an outbox from a position.
//!
//! A position holds the sequence of the last event read and a proof of which event that was. A log that replaced
//! another one (an empty database, a restored backup that has continued) assigns the same sequences to other events,
//! and a follower would silently skip events. The proof detects that.

use lutong_kernel::{Fault, FaultCode};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use sha2::{Digest as _, Sha256};

use super::{Outbox, StoredEvent, outbox};
use crate::StorageError;

/// Identifies the event behind a sequence across logs; not secret.
pub(super) type Proof = [u8; 8];

/// A digest of the row's id and creation time, which do not change when the payload is re-encrypted.
pub(super) fn proof(id: i64, created_at: i64) -> Proof {
    let digest = Sha256::new()
        .chain_update(id.to_be_bytes())
        .chain_update(created_at.to_be_bytes())
        .finalize();
    let mut proof = Proof::default();
    proof.copy_from_slice(&digest[..8]);
    proof
}

/// A page of events after a position.
#[derive(Debug)]
pub struct LogPage {
    pub events: Vec<StoredEvent>,
    /// The position of the last of them, from which to continue.
    pub next: LogPosition,
    /// The newest sequence of the log.
    pub head: i64,
}

/// A position in a log: the sequence of the last event read, and the proof of which event that was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogPosition {
    sequence: i64,
    proof: Proof,
}

impl LogPosition {
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
    /// At most `limit` events after a position, in order. A position of another log is refused.
    pub async fn read_after(&self, place: LogPosition, limit: u32) -> Result<LogPage, Fault> {
        let head = self.head().await?;
        if place.sequence > 0 {
            let is_the_same = match self.proof_of(place.sequence).await? {
                Some(found) => found == place.proof,
                // The row was swept: `rows_after` reports whether the following events have expired.
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
            next = LogPosition {
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
