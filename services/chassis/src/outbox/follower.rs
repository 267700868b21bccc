//! Reading another service's log: at least once on the wire, once in effect.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, ServiceName};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use tokio_util::sync::CancellationToken;

use super::{Doorbell, StoredEvent, followed};
use crate::storage::{Database, StorageError};

/// Events read at once.
const PAGE: u32 = 500;
/// How long a follower waits for the doorbell before it looks for itself.
const POLL: Duration = Duration::from_secs(1);
/// After the bell, so that events come in batches: the direct call has usually done the work already.
const GATHER: Duration = Duration::from_millis(100);
/// Between tries when a batch fails.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// Where events come from: the producer's outbox in one process, its `ListEvents` between processes.
#[async_trait::async_trait]
pub trait EventSource: Send + Sync {
    async fn list_events(&self, after: i64, limit: u32) -> Result<Vec<StoredEvent>, Fault>;
}

/// What a follower does with a batch. It stores `position` in the transaction of its effect.
#[async_trait::async_trait]
pub trait EventHandler: Send + Sync {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault>;
}

/// How far a batch goes.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    producer: ServiceName,
    after: i64,
    last: i64,
}

impl Position {
    /// Moves on, in the transaction of the effect. When another replica was faster the transaction is undone, and
    /// its work with it.
    pub async fn advance(self, transaction: &DatabaseTransaction) -> Result<(), StorageError> {
        let moved = followed::Entity::update_many()
            .set(followed::ActiveModel {
                sequence: Set(self.last),
                ..Default::default()
            })
            .filter(followed::Column::Producer.eq(self.producer.as_str()))
            .filter(followed::Column::Sequence.eq(self.after))
            .exec(transaction)
            .await?;
        crate::failpoint::hit("follower.before_commit");
        if moved.rows_affected == 1 {
            Ok(())
        } else {
            Err(StorageError::Contended)
        }
    }
}

/// One follower of one producer.
pub struct Follower {
    pub consumer: ServiceName,
    pub producer: ServiceName,
    pub database: Database,
    pub source: Arc<dyn EventSource>,
    pub handler: Arc<dyn EventHandler>,
}

impl Follower {
    /// Follows until `stop`.
    pub async fn run(self, bell: Doorbell, stop: CancellationToken) {
        let mut rings = bell.listen(self.producer);
        let mut backoff = BACKOFF.0;
        loop {
            rings.mark_unchanged();
            // A panic holds this follower up as a failure does; ended by it, nobody would begin it again.
            let read = AssertUnwindSafe(self.read_on()).catch_unwind().await;
            match read.unwrap_or_else(|_panic| Err(Fault::internal())) {
                Ok(()) => backoff = BACKOFF.0,
                Err(fault) => {
                    tracing::warn!(
                        consumer = self.consumer.as_str(),
                        producer = self.producer.as_str(),
                        %fault,
                        "following is held up; it is tried again, nothing is skipped"
                    );
                    metrics::counter!("lutong_follower_failures_total", "producer" => self.producer.as_str())
                        .increment(1);
                    if pause(backoff, &stop).await {
                        return;
                    }
                    backoff = (backoff * 2).min(BACKOFF.1);
                    continue;
                }
            }
            tokio::select! {
                _ = rings.changed() => {
                    if pause(GATHER, &stop).await {
                        return;
                    }
                }
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Reads until there was nothing newer: a page that is not full is the last.
    pub async fn read_on(&self) -> Result<(), Fault> {
        loop {
            let after = self.position().await?;
            let events = self.source.list_events(after, PAGE).await?;
            let Some(last) = events.last().map(|event| event.sequence) else {
                return Ok(());
            };
            let is_last = events.len() < PAGE as usize;
            let position = Position {
                producer: self.producer,
                after,
                last,
            };
            self.handler.handle(events, position).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn position(&self) -> Result<i64, StorageError> {
        let producer = self.producer.as_str();
        if let Some(row) = followed::Entity::find_by_id(producer)
            .one(self.database.reader())
            .await?
        {
            return Ok(row.sequence);
        }
        let first = followed::ActiveModel {
            producer: Set(producer.to_owned()),
            sequence: Set(0),
        };
        self.database
            .write(move |transaction| {
                Box::pin(async move {
                    followed::Entity::insert(first)
                        .on_conflict(
                            OnConflict::column(followed::Column::Producer)
                                .do_nothing()
                                .to_owned(),
                        )
                        .exec_without_returning(transaction)
                        .await?;
                    Ok::<_, StorageError>(())
                })
            })
            .await?;
        Ok(0)
    }
}

/// Waits; true when it is time to stop.
pub(super) async fn pause(duration: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(duration) => false,
        () = stop.cancelled() => true,
    }
}
