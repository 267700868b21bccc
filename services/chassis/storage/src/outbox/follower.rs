//! Reads another service's log: at-least-once delivery, exactly-once effect.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_kernel::{Fault, ServiceName};
use lutong_operating::pause::pause;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use tokio_util::sync::CancellationToken;

use super::{Doorbell, StoredEvent, followed};
use crate::{Database, StorageError};

/// Events per page.
const PAGE: u32 = 500;
/// How long a follower waits for the doorbell before it polls.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a ring, so that events come in batches; the direct call has usually done the work already.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// Shortest and longest pause after a failed batch.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// A page of a producer's events.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    pub events: Vec<StoredEvent>,
    /// The cursor after the last of them.
    pub next_cursor: String,
    /// The newest sequence of the log.
    pub head: i64,
}

/// Where events come from: the producer's `ListEvents`.
#[async_trait::async_trait]
pub trait EventSource: Send + Sync {
    /// The events after a cursor, which is empty at the beginning of the log.
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault>;
}

/// Applies a batch of events. Must store `position` in the transaction of the effect.
#[async_trait::async_trait]
pub trait EventHandler: Send + Sync {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault>;
}

/// The position of a follower after a batch.
#[derive(Debug, Clone)]
pub struct Position {
    producer: ServiceName,
    after: i64,
    last: i64,
    cursor: String,
}

impl Position {
    /// Advances the stored position, in the transaction of the effect. Fails if another replica was faster, so that the
    /// transaction rolls back.
    pub async fn advance(self, transaction: &DatabaseTransaction) -> Result<(), StorageError> {
        let moved = followed::Entity::update_many()
            .set(followed::ActiveModel {
                sequence: Set(self.last),
                cursor: Set(self.cursor),
                ..Default::default()
            })
            .filter(followed::Column::Producer.eq(self.producer.as_str()))
            .filter(followed::Column::Sequence.eq(self.after))
            .exec(transaction)
            .await?;
        lutong_failpoint::hit("follower.before_commit");
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
            let read = AssertUnwindSafe(self.catch_up()).catch_unwind().await;
            match read.unwrap_or_else(|_panic| Err(Fault::internal("the follower panicked"))) {
                Ok(()) => backoff = BACKOFF.0,
                Err(fault) => {
                    tracing::warn!(
                        consumer = self.consumer.as_str(),
                        producer = self.producer.as_str(),
                        %fault,
                        "a follower's batch failed; it is retried, no event is skipped"
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
                    if pause(BATCH_DELAY, &stop).await {
                        return;
                    }
                }
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Applies pages until none is left; a page that is not full is the last.
    pub async fn catch_up(&self) -> Result<(), Fault> {
        loop {
            let (after, cursor) = self.position().await?;
            let page = match self.source.list_events(&cursor, PAGE).await {
                Ok(page) => page,
                Err(fault) if fault.reason == "LOG_REPLACED" => {
                    self.restart_from_beginning(after).await?;
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            let EventPage {
                events,
                next_cursor,
                head,
            } = page;
            let Some(last) = events.last().map(|event| event.sequence) else {
                self.show_lag(0);
                return Ok(());
            };
            let is_last = events.len() < PAGE as usize;
            let position = Position {
                producer: self.producer,
                after,
                last,
                cursor: next_cursor,
            };
            self.handler.handle(events, position).await?;
            self.show_lag(head - last);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Reports how many events this follower has yet to read.
    fn show_lag(&self, events: i64) {
        #[allow(clippy::cast_precision_loss)] // a gauge
        metrics::gauge!("lutong_follower_lag_events", "producer" => self.producer.as_str())
            .set(events as f64);
    }

    /// The producer's log is not the one that was followed before: read it from its beginning. Handlers are idempotent,
    /// so events that were already applied have no further effect.
    async fn restart_from_beginning(&self, after: i64) -> Result<(), StorageError> {
        tracing::warn!(
            consumer = self.consumer.as_str(),
            producer = self.producer.as_str(),
            after,
            "the followed log was replaced, for example by a restored backup: reading from its beginning"
        );
        metrics::counter!("lutong_follower_logs_replaced_total", "producer" => self.producer.as_str())
            .increment(1);
        let position = Position {
            producer: self.producer,
            after,
            last: 0,
            cursor: String::new(),
        };
        let moved = self
            .database
            .write(move |transaction| async move { position.advance(transaction).await }.boxed());
        match moved.await {
            // Another replica was faster.
            Err(StorageError::Contended) => Ok(()),
            moved => moved,
        }
    }

    async fn position(&self) -> Result<(i64, String), StorageError> {
        let producer = self.producer.as_str();
        if let Some(row) = followed::Entity::find_by_id(producer)
            .one(self.database.reader())
            .await?
        {
            return Ok((row.sequence, row.cursor));
        }
        let first = followed::ActiveModel {
            producer: Set(producer.to_owned()),
            sequence: Set(0),
            cursor: Set(String::new()),
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
        Ok((0, String::new()))
    }
}
