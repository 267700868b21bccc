//! Each service's outbox is a log. Rows are written in the transaction of the change they report; a relay assigns their
//! sequence after the commit, under a lock, so that no gap behind a follower's position is filled later. The doorbell
//! only signals that there is something new: losing a signal loses no event.

mod doorbell;
mod follower;
mod log;
mod tables;

use futures::FutureExt as _;
use lutong_kernel::{Fault, FaultCode, ServiceName, SubjectId, Timestamp};
use lutong_operating::pause::pause;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Statement,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use doorbell::Doorbell;
pub use follower::{EventHandler, EventPage, EventSource, Follower, Position};
pub use log::{LogPage, LogPosition};
use tables::{followed, outbox};

use crate::cell::{Cell, Kind};
use crate::crypto::FieldCipher;
use crate::rows::{Insert, OnDuplicate};
use crate::{Database, Engine, StorageError, advisory};

/// Rows are kept at least this long, for followers that were away.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Rows that get their sequence in one transaction.
const RELAY_BATCH: u32 = 1_000;
/// How long a committed row waits at most if nobody wakes the relay (a process died between commit and wake-up).
const POLL: Duration = Duration::from_secs(1);
/// Pause between two rounds of the relay, so that events arriving meanwhile share one transaction.
const BATCH_DELAY: Duration = Duration::from_millis(20);
/// Advisory lock of the relay on PostgreSQL.
const RELAY_LOCK: i64 = 0x0072_656c_6179;

/// An event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub subject: Option<SubjectId>,
    /// The encoded event message of the producer's contract, without its sequence.
    pub payload: Vec<u8>,
}

/// An event as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Ascending from 1, without gaps.
    pub sequence: i64,
    pub payload: Vec<u8>,
}

impl StoredEvent {
    /// The fault of a follower that cannot read the event: it is held up, and skips none.
    pub fn unreadable(&self, producer: ServiceName, error: &dyn std::fmt::Display) -> Fault {
        let (sequence, producer) = (self.sequence, producer.as_str());
        Fault::internal(format_args!(
            "the event {sequence} of {producer} cannot be read: {error}"
        ))
    }
}

/// One service's outbox; cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    producer: ServiceName,
    database: Database,
    cipher: FieldCipher,
    woken: Arc<Notify>,
}

/// Binds a payload to the row of its event: a payload copied to another row does not decrypt.
fn context(event_id: &[u8]) -> Vec<u8> {
    [&b"outbox/payload/"[..], event_id].concat()
}

impl Outbox {
    pub fn new(producer: ServiceName, database: Database, cipher: FieldCipher) -> Self {
        Self {
            producer,
            database,
            cipher,
            woken: Arc::default(),
        }
    }

    /// Encrypts events before the transaction, so that a missing key cannot fail the transaction.
    pub async fn seal(&self, now: Timestamp, events: Vec<NewEvent>) -> Result<SealedEvents, Fault> {
        let cipher = self.cipher.ready().await?;
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let event_id = cipher.row_id();
            rows.push(SealedEvent {
                event_id,
                subject: event.subject,
                payload: cipher.encrypt(&event.payload, &context(&event_id))?,
                created_at: now,
            });
        }
        Ok(SealedEvents(rows))
    }

    /// Wakes the relay; called after the commit.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Events after `after`, in order.
    pub async fn list(&self, after: i64, limit: u32) -> Result<Vec<StoredEvent>, Fault> {
        let rows = self.rows_after(after, limit).await?;
        Ok(rows.into_iter().map(|(event, _)| event).collect())
    }

    /// Like [`Self::list`], each event with a proof that distinguishes it from another log's event of the same
    /// sequence.
    async fn rows_after(&self, after: i64, limit: u32) -> Result<Vec<(StoredEvent, log::Proof)>, Fault> {
        let rows = outbox::Entity::find()
            .filter(outbox::Column::Sequence.gt(after))
            .order_by_asc(outbox::Column::Sequence)
            .limit(u64::from(limit))
            .all(self.database.reader())
            .await
            .map_err(StorageError::from)?;
        let cipher = self.cipher.ready().await?;
        let mut events = Vec::with_capacity(rows.len());
        for (expected, row) in (after + 1..).zip(rows) {
            let sequence = row.sequence.unwrap_or_default();
            if sequence != expected {
                return Err(expired(after));
            }
            let proof = log::proof(row.id, row.created_at);
            let payload = cipher.decrypt(&row.payload, &context(&row.event_id))?;
            events.push((StoredEvent { sequence, payload }, proof));
        }
        Ok(events)
    }

    /// Assigns sequences to committed rows and rings the doorbell, until `stop`. Any number of replicas may run it: a
    /// lock admits one at a time.
    pub async fn run_relay(self, bell: Doorbell, stop: CancellationToken) {
        loop {
            match self.sequence().await {
                Ok(Some(last)) => {
                    lutong_failpoint::hit("outbox.sequenced");
                    bell.ring(self.producer, last).await;
                    if pause(BATCH_DELAY, &stop).await {
                        return;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(producer = self.producer.as_str(), %error, "the outbox relay failed; it tries again");
                }
            }
            tokio::select! {
                () = self.woken.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One round of the relay: the last sequence assigned, or `None` if there was nothing to do.
    pub async fn sequence(&self) -> Result<Option<i64>, StorageError> {
        let waiting = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::Id)
            .filter(outbox::Column::Sequence.is_null())
            // Ordered as the index of the waiting rows is: for any row that fits, PostgreSQL may read the table from its beginning, and the
            // waiting rows are at its end.
            .order_by_asc(outbox::Column::Id)
            .limit(1)
            .into_tuple::<i64>()
            .one(self.database.reader())
            .await?;
        if waiting.is_none() {
            return Ok(None);
        }
        let engine = self.database.engine();
        self.database
            .write(move |transaction| give_sequences(transaction, engine).boxed())
            .await
    }

    /// Deletes rows older than [`RETENTION`]. The newest row stays, because the sequence continues from it.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StorageError> {
        let before = now.minus(RETENTION).micros();
        self.database
            .write(move |transaction| {
                async move {
                    let last: Option<Option<i64>> = outbox::Entity::find()
                        .select_only()
                        .column_as(outbox::Column::Sequence.max(), "last")
                        .into_tuple()
                        .one(transaction)
                        .await?;
                    let Some(Some(last)) = last else { return Ok(0) };
                    let old = outbox::Entity::delete_many()
                        .filter(outbox::Column::Sequence.lt(last))
                        .filter(outbox::Column::CreatedAt.lt(before));
                    Ok(old.exec(transaction).await?.rows_affected)
                }
                .boxed()
            })
            .await
    }
}

/// Encrypted events, ready to be appended in a transaction.
#[derive(Debug, Clone)]
pub struct SealedEvents(Vec<SealedEvent>);

#[derive(Debug, Clone)]
struct SealedEvent {
    event_id: [u8; 16],
    subject: Option<SubjectId>,
    payload: Vec<u8>,
    created_at: Timestamp,
}

/// Ids ascend in row order; the relay assigns the sequence.
const APPEND: Insert = Insert {
    table: "outbox",
    columns: &[
        ("event_id", Kind::Bytes),
        ("subject_id", Kind::Bytes),
        ("payload", Kind::Bytes),
        ("created_at", Kind::Number),
    ],
    on_duplicate: OnDuplicate::Fail,
};

impl SealedEvents {
    pub async fn append(self, transaction: &DatabaseTransaction) -> Result<(), StorageError> {
        let cells = self.0.iter().map(|event| {
            [
                Cell::Bytes(Some(&event.event_id)),
                Cell::Id(event.subject.map(SubjectId::uuid)),
                Cell::Bytes(Some(&event.payload)),
                Cell::Number(Some(event.created_at.micros())),
            ]
        });
        APPEND.rows(transaction, &cells.collect::<Vec<_>>()).await
    }
}

async fn give_sequences(
    transaction: &DatabaseTransaction,
    engine: Engine,
) -> Result<Option<i64>, StorageError> {
    let backend = match engine {
        Engine::Sqlite => DbBackend::Sqlite,
        Engine::Postgres => DbBackend::Postgres,
    };
    advisory::lock(transaction, RELAY_LOCK).await?;
    // Ids ascend in insertion order. Transactions about the same subject lock each other out before they insert, so per
    // subject the order of ids is the order of commits.
    let update = format!(
        "UPDATE outbox SET sequence = n.sequence FROM (
           SELECT id, row_number() OVER (ORDER BY id) + (SELECT coalesce(max(sequence), 0) FROM outbox) AS sequence
           FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT {RELAY_BATCH}
         ) AS n WHERE outbox.id = n.id"
    );
    let done = transaction
        .execute_raw(Statement::from_string(backend, update))
        .await?;
    if done.rows_affected() == 0 {
        return Ok(None);
    }
    let last: Option<Option<i64>> = outbox::Entity::find()
        .select_only()
        .column_as(outbox::Column::Sequence.max(), "last")
        .into_tuple()
        .one(transaction)
        .await?;
    Ok(last.flatten())
}

fn expired(after: i64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "EVENTS_EXPIRED",
        "所请求的事件已过保留期",
        format!("events after {after} are no longer kept; this follower must be rebuilt"),
    )
}
