//! The follower's side of the log: exactly-once effect whatever crashes, in order, and also without a doorbell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::Store;
use lutong_kernel::{Fault, FaultCode, ServiceName};
use lutong_storage::outbox::{
    Doorbell, EventHandler, EventPage, EventSource, Follower, Outbox, Position, StoredEvent,
};
use lutong_storage::{Database, StorageConfig, StorageError};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use sea_orm::ConnectionTrait as _;

use crate::outbox::append;
use crate::schema::{applied, open, open_again};

on_both_engines!(
    a_follower_that_dies_before_its_commit_takes_effect_once_when_it_is_back,
    a_follower_that_dies_after_its_commit_takes_effect_once_when_it_is_back,
    a_follower_that_no_doorbell_reaches_reads_on_by_itself,
    replicas_of_one_follower_take_effect_once_and_in_order,
    a_handler_that_fails_or_panics_is_tried_again_and_nothing_is_skipped,
    a_follower_that_was_away_too_long_says_so_and_does_nothing,
    a_follower_asks_no_more_than_it_must,
    a_follower_of_a_log_that_was_replaced_reads_it_from_its_beginning,
);

const PRODUCER: ServiceName = ServiceName::Declaration;
const CONSUMER: ServiceName = ServiceName::RiskRules;

/// A producer with its log, and its follower's database.
struct Pair {
    bed: Bed,
    producer: Store,
    outbox: Outbox,
    consumer: Store,
    consumer_config: StorageConfig,
}

async fn pair(bed: Bed) -> Pair {
    let (producer, _) = open(&bed, PRODUCER).await;
    let (consumer, consumer_config) = open(&bed, CONSUMER).await;
    Pair {
        outbox: producer.outbox(),
        bed,
        producer,
        consumer,
        consumer_config,
    }
}

impl Pair {
    async fn tell(&self, texts: &[&str]) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        append(&self.bed, &self.producer, &self.outbox, &texts).await;
        while self.outbox.sequence().await.unwrap().is_some() {}
    }

    fn follower(&self, database: &Database, end: End) -> Follower {
        follower(&self.outbox, database, Arc::new(end))
    }

    async fn eventually(&self, expected: &[&str]) {
        eventually(&self.consumer.database, expected).await;
    }
}

pub fn follower(outbox: &Outbox, database: &Database, end: Arc<End>) -> Follower {
    Follower {
        consumer: CONSUMER,
        producer: PRODUCER,
        database: database.clone(),
        source: Arc::new(Log(outbox.clone())),
        handler: Arc::new(Applying {
            database: database.clone(),
            end,
        }),
    }
}

/// Waits until `expected`, and nothing else, was applied.
pub async fn eventually(database: &Database, expected: &[&str]) {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let done = applied(database).await;
        if done == expected {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{done:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Log(Outbox);

#[async_trait::async_trait]
impl EventSource for Log {
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        page(&self.0, cursor, limit).await
    }
}

/// A page whose cursors are plain sequences.
async fn page(outbox: &Outbox, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
    let after = if cursor.is_empty() {
        0
    } else {
        cursor.parse().unwrap()
    };
    let events = outbox.list(after, limit).await?;
    let last = events.last().map_or(after, |event| event.sequence);
    Ok(EventPage {
        events,
        next_cursor: last.to_string(),
        head: last,
    })
}

/// How a handler ends after its effect.
pub enum End {
    Well,
    /// It fails before its commit.
    BeforeCommit,
    /// It commits, but the caller gets an error.
    AfterCommit,
    /// It panics, then fails before its commit, then panics outside a transaction, then succeeds.
    BadlyAtFirst(AtomicU32),
}

struct Applying {
    database: Database,
    end: Arc<End>,
}

#[async_trait::async_trait]
impl EventHandler for Applying {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let end = Arc::clone(&self.end);
        let attempt = match &*end {
            End::BadlyAtFirst(attempts) => attempts.fetch_add(1, Ordering::SeqCst),
            _ => u32::MAX,
        };
        let effect = self.database.write(move |transaction| {
            async move {
                for event in events {
                    let text = String::from_utf8(event.payload).unwrap();
                    let row = format!("INSERT INTO applied (body) VALUES ('{text}')");
                    transaction
                        .execute_unprepared(&row)
                        .await
                        .map_err(StorageError::from)?;
                }
                position.advance(transaction).await?;
                assert!(attempt != 0, "on purpose");
                if attempt == 1 {
                    return Err(StorageError::Config("on purpose".to_owned()));
                }
                if matches!(*end, End::BeforeCommit) {
                    panic!("dies");
                }
                Ok(())
            }
            .boxed()
        });
        assert!(attempt != 2, "on purpose");
        effect.await?;
        if matches!(*self.end, End::AfterCommit) {
            return Err(Fault::internal("on purpose"));
        }
        Ok(())
    }
}

async fn a_follower_that_dies_before_its_commit_takes_effect_once_when_it_is_back(bed: Bed) {
    let pair = pair(bed).await;
    pair.tell(&["a", "b"]).await;
    let dying = pair.follower(&pair.consumer.database, End::BeforeCommit);
    dying.catch_up().await.unwrap_err();
    assert_eq!(applied(&pair.consumer.database).await, [""; 0]);
    let back = open_again(&pair.bed, CONSUMER, &pair.consumer_config).await;
    pair.follower(&back.database, End::Well).catch_up().await.unwrap();
    assert_eq!(applied(&back.database).await, ["a", "b"]);
}

async fn a_follower_that_dies_after_its_commit_takes_effect_once_when_it_is_back(bed: Bed) {
    let pair = pair(bed).await;
    pair.tell(&["a", "b"]).await;
    let dying = pair.follower(&pair.consumer.database, End::AfterCommit);
    dying.catch_up().await.unwrap_err();
    assert_eq!(applied(&pair.consumer.database).await, ["a", "b"]);
    pair.tell(&["c"]).await;
    let back = open_again(&pair.bed, CONSUMER, &pair.consumer_config).await;
    pair.follower(&back.database, End::Well).catch_up().await.unwrap();
    assert_eq!(applied(&back.database).await, ["a", "b", "c"]);
}

async fn a_follower_that_no_doorbell_reaches_reads_on_by_itself(bed: Bed) {
    let pair = pair(bed).await;
    let follower = pair.follower(&pair.consumer.database, End::Well);
    let stop = pair.bed.foundation.stop.clone();
    let following = tokio::spawn(follower.run(Doorbell::local(), stop.clone()));
    pair.tell(&["a"]).await;
    pair.eventually(&["a"]).await;
    pair.tell(&["b", "c"]).await;
    pair.eventually(&["a", "b", "c"]).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), following)
        .await
        .unwrap()
        .unwrap();
}

async fn replicas_of_one_follower_take_effect_once_and_in_order(bed: Bed) {
    let pair = pair(bed).await;
    let other = open_again(&pair.bed, CONSUMER, &pair.consumer_config).await;
    let bell = Doorbell::local();
    let stop = pair.bed.foundation.stop.clone();
    for database in [&pair.consumer.database, &other.database] {
        let follower = pair.follower(database, End::Well);
        tokio::spawn(follower.run(bell.clone(), stop.clone()));
    }
    tokio::spawn(pair.outbox.clone().run_relay(bell, stop));
    let mut told = Vec::new();
    for n in 0..60 {
        let text = format!("{n:02}");
        append(
            &pair.bed,
            &pair.producer,
            &pair.outbox,
            std::slice::from_ref(&text),
        )
        .await;
        told.push(text);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    pair.eventually(&told).await;
}

async fn a_handler_that_fails_or_panics_is_tried_again_and_nothing_is_skipped(bed: Bed) {
    let pair = pair(bed).await;
    pair.tell(&["a", "b"]).await;
    let attempts = End::BadlyAtFirst(AtomicU32::new(0));
    let follower = pair.follower(&pair.consumer.database, attempts);
    let stop = pair.bed.foundation.stop.clone();
    tokio::spawn(follower.run(Doorbell::local(), stop));
    pair.eventually(&["a", "b"]).await;
    pair.tell(&["c"]).await;
    pair.eventually(&["a", "b", "c"]).await;
}

async fn a_follower_that_was_away_too_long_says_so_and_does_nothing(bed: Bed) {
    let pair = pair(bed).await;
    pair.tell(&["a", "b"]).await;
    pair.bed.clock.advance(2 * lutong_storage::outbox::RETENTION);
    pair.outbox.sweep(pair.bed.foundation.now()).await.unwrap();
    let follower = pair.follower(&pair.consumer.database, End::Well);
    let fault = follower.catch_up().await.unwrap_err();
    assert_eq!(fault.reason, "EVENTS_EXPIRED");
    assert_eq!(applied(&pair.consumer.database).await, [""; 0]);
}

/// Counts how often it was called.
struct Counted(Outbox, Arc<AtomicU32>);

#[async_trait::async_trait]
impl EventSource for Counted {
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        self.1.fetch_add(1, Ordering::SeqCst);
        page(&self.0, cursor, limit).await
    }
}

async fn a_follower_asks_no_more_than_it_must(bed: Bed) {
    let pair = pair(bed).await;
    let asked = Arc::new(AtomicU32::new(0));
    let follower = Follower {
        source: Arc::new(Counted(pair.outbox.clone(), Arc::clone(&asked))),
        ..pair.follower(&pair.consumer.database, End::Well)
    };
    pair.tell(&["one", "two"]).await;
    follower.catch_up().await.unwrap();
    assert_eq!(
        asked.swap(0, Ordering::SeqCst),
        1,
        "a page that is not full is the last"
    );
    let many: Vec<String> = (0..501).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    pair.tell(&many).await;
    follower.catch_up().await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2, "a full page may not be");
    let all: Vec<&str> = ["one", "two"].into_iter().chain(many).collect();
    pair.eventually(&all).await;
}

/// Answers LOG_REPLACED once.
struct Replaced(Outbox);

#[async_trait::async_trait]
impl EventSource for Replaced {
    async fn list_events(&self, cursor: &str, limit: u32) -> Result<EventPage, Fault> {
        if cursor == "2" {
            return Err(Fault::new(FaultCode::FailedPrecondition, "LOG_REPLACED", "", ""));
        }
        page(&self.0, cursor, limit).await
    }
}

async fn a_follower_of_a_log_that_was_replaced_reads_it_from_its_beginning(bed: Bed) {
    let pair = pair(bed).await;
    pair.tell(&["a", "b"]).await;
    let follower = pair.follower(&pair.consumer.database, End::Well);
    follower.catch_up().await.unwrap();
    pair.tell(&["c"]).await;
    let follower = Follower {
        source: Arc::new(Replaced(pair.outbox.clone())),
        ..follower
    };
    follower.catch_up().await.unwrap();
    pair.eventually(&["a", "b", "a", "b", "c"]).await;
}
