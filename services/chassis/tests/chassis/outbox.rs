//! The producer's side of the log: sequences without gaps or duplicates, in order, kept for a week.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_chassis::Store;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{FaultCode, Random, ServiceName};
use lutong_storage::outbox::{Doorbell, NewEvent, Outbox};
use lutong_storage::{Database, StorageError};
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, tamper};

use crate::schema::{column, note, open, open_again};

on_both_engines!(
    concurrent_writers_leave_no_gap_no_double_and_each_ones_events_stay_in_order,
    relays_that_work_at_the_same_moment_give_each_sequence_once,
    an_event_of_a_write_that_failed_is_never_told,
    what_is_older_than_a_week_expires_for_who_has_not_read_it_and_for_nobody_else,
    events_lie_encrypted_in_the_database,
    a_payload_that_was_copied_over_another_events_tells_nothing,
);

const PRODUCER: ServiceName = ServiceName::Declaration;
const WEEK: Duration = lutong_storage::outbox::RETENTION;

/// Appends events in one transaction, as a use case does.
pub async fn append(bed: &Bed, store: &Store, outbox: &Outbox, texts: &[String]) {
    let events = texts.iter().map(|text| event(text)).collect();
    let sealed = outbox.seal(bed.foundation.now(), events).await.unwrap();
    let write = store
        .database
        .write(move |transaction| async move { sealed.append(transaction).await }.boxed());
    write.await.unwrap();
    outbox.wake();
}

pub fn event(text: &str) -> NewEvent {
    NewEvent {
        subject: None,
        payload: text.as_bytes().to_vec(),
    }
}

async fn relay_all(outbox: &Outbox) {
    while outbox.sequence().await.unwrap().is_some() {}
}

async fn sequences(database: &Database) -> Vec<i64> {
    let query = "SELECT sequence FROM outbox WHERE sequence IS NOT NULL ORDER BY sequence";
    column(database, query).await
}

/// A writer for one subject: consecutive transactions, each held open for a random time after taking its ids, so that
/// transactions of several writers end in another order than they began; every fourth fails.
async fn writer(bed: Arc<Bed>, store: Store, outbox: Outbox, writer: u64) {
    let random = SeededRandom::new(writer);
    for n in 0..8 {
        let delay = u64::from((&random as &dyn Random).bytes::<1>()[0] % 16);
        let fails = n % 4 == 3;
        let events = vec![event(&format!("{writer}:{n}"))];
        let sealed = outbox.seal(bed.foundation.now(), events).await.unwrap();
        let write = store.database.write(move |transaction| {
            async move {
                sealed.append(transaction).await?;
                tokio::time::sleep(Duration::from_millis(delay)).await;
                if fails {
                    return Err(StorageError::Config("on purpose".to_owned()));
                }
                Ok(())
            }
            .boxed()
        });
        assert_eq!(write.await.is_err(), fails);
        outbox.wake();
    }
}

async fn concurrent_writers_leave_no_gap_no_double_and_each_ones_events_stay_in_order(bed: Bed) {
    let bed = Arc::new(bed);
    let (store, config) = open(&bed, PRODUCER).await;
    let other = open_again(&bed, PRODUCER, &config).await;
    let stores = [store, other];
    let outboxes = [stores[0].outbox(), stores[1].outbox()];
    for outbox in &outboxes {
        let stop = bed.foundation.stop.clone();
        tokio::spawn(outbox.clone().run_relay(Doorbell::local(), stop));
    }
    let writers: Vec<_> = (0..12_u64)
        .map(|n| {
            let process = usize::try_from(n % 2).unwrap();
            let (store, outbox) = (stores[process].clone(), outboxes[process].clone());
            tokio::spawn(writer(Arc::clone(&bed), store, outbox, n))
        })
        .collect();
    // Reads concurrently: no gap behind the position may be filled later.
    let mut read = Vec::new();
    let following = async {
        while read.len() < 12 * 6 {
            let after = i64::try_from(read.len()).unwrap();
            for event in outboxes[1].list(after, 5).await.unwrap() {
                assert_eq!(event.sequence, i64::try_from(read.len()).unwrap() + 1);
                read.push(String::from_utf8(event.payload).unwrap());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), following)
        .await
        .unwrap();
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(
        sequences(&stores[0].database).await,
        (1..=72).collect::<Vec<i64>>()
    );
    let mut by_writer: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in read {
        let (writer, n) = text.split_once(':').unwrap();
        by_writer.entry(writer.to_owned()).or_default().push(n.to_owned());
    }
    assert_eq!(by_writer.len(), 12);
    for (writer, events) in by_writer {
        assert_eq!(events, ["0", "1", "2", "4", "5", "6"], "writer {writer}");
    }
}

async fn relays_that_work_at_the_same_moment_give_each_sequence_once(bed: Bed) {
    let (store, config) = open(&bed, PRODUCER).await;
    let outbox = store.outbox();
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(open_again(&bed, PRODUCER, &config).await.outbox());
    }
    let mut told = 0;
    for round in 1..=5_i64 {
        let texts: Vec<String> = (0..40).map(|n| format!("{round}:{n}")).collect();
        append(&bed, &store, &outbox, &texts).await;
        let results = join_all(replicas.iter().map(Outbox::sequence)).await;
        let last: Vec<i64> = results.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(last, [round * 40], "one relay had the work");
        told += 40;
        let given = sequences(&store.database).await;
        assert_eq!(given, (1..=told).collect::<Vec<i64>>());
    }
    // Sequences are final: events that a follower may have read were not renumbered.
    let events = outbox.list(0, 1_000).await.unwrap();
    let texts = events
        .iter()
        .map(|event| String::from_utf8_lossy(&event.payload).into_owned());
    let written = (1..=5).flat_map(|round| (0..40).map(move |n| format!("{round}:{n}")));
    assert!(texts.eq(written));
}

async fn an_event_of_a_write_that_failed_is_never_told(bed: Bed) {
    let (store, _) = open(&bed, PRODUCER).await;
    let outbox = store.outbox();
    let sealed = outbox
        .seal(bed.foundation.now(), vec![event("lost")])
        .await
        .unwrap();
    let failed = store.database.write(move |transaction| {
        async move {
            sealed.append(transaction).await?;
            note(transaction, 1).await?;
            note(transaction, 1).await
        }
        .boxed()
    });
    failed.await.unwrap_err();
    append(&bed, &store, &outbox, &["kept".to_owned()]).await;
    relay_all(&outbox).await;
    let events = outbox.list(0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].sequence, &events[0].payload[..]), (1, &b"kept"[..]));
}

async fn what_is_older_than_a_week_expires_for_who_has_not_read_it_and_for_nobody_else(bed: Bed) {
    let (store, _) = open(&bed, PRODUCER).await;
    let outbox = store.outbox();
    append(&bed, &store, &outbox, &["1", "2", "3"].map(str::to_owned)).await;
    relay_all(&outbox).await;
    bed.clock.advance(WEEK);
    assert_eq!(
        outbox.sweep(bed.foundation.now()).await.unwrap(),
        0,
        "kept for a week"
    );
    append(&bed, &store, &outbox, &["4".to_owned()]).await;
    relay_all(&outbox).await;
    bed.clock.advance(Duration::from_secs(1));
    assert_eq!(outbox.sweep(bed.foundation.now()).await.unwrap(), 3);
    for behind in 0..3 {
        let fault = outbox.list(behind, 10).await.unwrap_err();
        assert_eq!(
            (fault.code, fault.reason.as_ref()),
            (FaultCode::FailedPrecondition, "EVENTS_EXPIRED")
        );
    }
    assert_eq!(outbox.list(3, 10).await.unwrap()[0].payload, b"4");
    // The newest row stays however old, so that the sequence continues from it.
    bed.clock.advance(4 * WEEK);
    assert_eq!(outbox.sweep(bed.foundation.now()).await.unwrap(), 0);
    append(&bed, &store, &outbox, &["5".to_owned()]).await;
    relay_all(&outbox).await;
    let next = outbox.list(4, 10).await.unwrap();
    assert_eq!((next[0].sequence, &next[0].payload[..]), (5, &b"5"[..]));
}

async fn events_lie_encrypted_in_the_database(bed: Bed) {
    let (store, _) = open(&bed, PRODUCER).await;
    append(&bed, &store, &store.outbox(), &["张三 passed here".to_owned()]).await;
    let stored: Vec<Vec<u8>> = column(&store.database, "SELECT payload FROM outbox").await;
    assert_eq!(stored.len(), 1);
    let plain = b"passed here";
    assert!(!stored[0].windows(plain.len()).any(|window| window == plain));
}

async fn a_payload_that_was_copied_over_another_events_tells_nothing(bed: Bed) {
    let (store, storage) = open(&bed, PRODUCER).await;
    let outbox = store.outbox();
    append(&bed, &store, &outbox, &["1".to_owned(), "2".to_owned()]).await;
    relay_all(&outbox).await;
    assert_eq!(outbox.list(0, 10).await.unwrap().len(), 2);
    let copied =
        "UPDATE outbox SET payload = (SELECT payload FROM outbox WHERE sequence = 1) WHERE sequence = 2";
    tamper(&storage, copied).await;
    let fault = outbox.list(0, 10).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Internal);
    assert_eq!(outbox.list(0, 1).await.unwrap()[0].payload, b"1");
}
