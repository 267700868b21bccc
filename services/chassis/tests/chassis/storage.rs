//! Writing: all of a closure or nothing, never another's; answered after the commit; faults in few kinds.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::on_both_engines;
use lutong_chassis::storage::{Database, Engine, StorageConfig, StorageError};
use lutong_chassis::testing::{Bed, fresh_postgres};
use lutong_kernel::{Fault, FaultCode, Secret, ServiceName};
use sea_orm::ConnectionTrait as _;
use tokio::sync::oneshot;

use crate::schema::{Migrations, column, note, notes, open};

on_both_engines!(
    a_closure_that_fails_or_panics_undoes_its_own_writes_and_nobody_elses,
    a_lone_closure_that_fails_or_panics_leaves_nothing_and_the_next_is_kept,
    what_was_answered_is_there_for_every_reader,
    a_broken_unique_constraint_is_told_apart_and_spoils_nothing_else,
    a_caller_that_stops_waiting_leaves_no_half_of_a_write,
);

type Writing = BoxFuture<'static, Result<i64, StorageError>>;

/// What a closure does after its write.
#[derive(Clone, Copy)]
enum End {
    Well,
    Badly,
    InPanic,
}

fn writing(database: &Database, id: i64, end: End) -> Writing {
    let database = database.clone();
    let work = async move {
        database
            .write(move |transaction| {
                async move {
                    note(transaction, id).await?;
                    match end {
                        End::Well => Ok(id),
                        End::Badly => Err(StorageError::Config(format!("note {id}"))),
                        End::InPanic => panic!("note {id}"),
                    }
                }
                .boxed()
            })
            .await
    };
    work.boxed()
}

/// A write that goes on until it is let go, so that what comes after it waits together.
struct Held {
    write: tokio::task::JoinHandle<Result<i64, StorageError>>,
    release: oneshot::Sender<()>,
}

impl Held {
    /// Begins `writes` and only then lets this one end. On SQLite they are all in the queue by then: one batch.
    async fn together_with(self, writes: Vec<Writing>) -> Vec<Result<i64, StorageError>> {
        let let_go = async { self.release.send(()).unwrap() };
        // Polled in this order.
        let (answers, ()) = futures::future::join(futures::future::join_all(writes), let_go).await;
        self.write.await.unwrap().unwrap();
        answers
    }
}

async fn held(database: &Database, id: i64) -> Held {
    let (started, running) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let database = database.clone();
    let write = tokio::spawn(async move {
        database
            .write(move |transaction| {
                async move {
                    note(transaction, id).await?;
                    started.send(()).unwrap();
                    released.await.unwrap();
                    Ok::<_, StorageError>(id)
                }
                .boxed()
            })
            .await
    });
    running.await.unwrap();
    Held { write, release }
}

async fn a_closure_that_fails_or_panics_undoes_its_own_writes_and_nobody_elses(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let held = held(&store.database, 100).await;
    let writes = (1..=9)
        .map(|id| {
            let end = [End::Well, End::Badly, End::InPanic][usize::try_from(id % 3).unwrap()];
            writing(&store.database, id, end)
        })
        .collect();
    for (id, answer) in (1..).zip(held.together_with(writes).await) {
        match (id % 3, answer) {
            (0, Ok(answered)) => assert_eq!(answered, id),
            (1, Err(StorageError::Config(text))) => assert_eq!(text, format!("note {id}")),
            (2, Err(StorageError::Damaged(_))) => {}
            (_, other) => panic!("note {id}: {other:?}"),
        }
    }
    assert_eq!(notes(&store.database).await, [3, 6, 9, 100]);
}

async fn a_lone_closure_that_fails_or_panics_leaves_nothing_and_the_next_is_kept(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    for end in [End::Badly, End::InPanic, End::Well] {
        let kept = writing(&store.database, 1, end).await.is_ok();
        assert_eq!(kept, !notes(&store.database).await.is_empty());
        assert_eq!(kept, matches!(end, End::Well));
    }
}

async fn what_was_answered_is_there_for_every_reader(bed: Bed) {
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let elsewhere = Database::connect(&config).await.unwrap();
    let held = held(&store.database, 100).await;
    assert_eq!(notes(&elsewhere).await, [0_i64; 0]);
    held.release.send(()).unwrap();
    held.write.await.unwrap().unwrap();
    assert_eq!(notes(&elsewhere).await, [100]);
    for id in 1..=20 {
        writing(&store.database, id, End::Well).await.unwrap();
        assert!(notes(&elsewhere).await.contains(&id), "{id} was answered");
    }
}

/// Group commit: a closure that has run is answered when its batch is committed, not before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_those_of_one_batch_are_answered_after_their_common_commit() {
    let bed = Bed::new(Engine::Sqlite);
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let first_held = held(&store.database, 100).await;
    let mut early = writing(&store.database, 1, End::Well);
    assert!(futures::poll!(&mut early).is_pending());
    // In the queue behind `early`, and so in one batch with it: when it runs, `early` has run.
    let late = tokio::spawn({
        let database = store.database.clone();
        async move { held(&database, 2).await }
    });
    tokio::task::yield_now().await;
    first_held.release.send(()).unwrap();
    let late = late.await.unwrap();
    assert!(
        futures::poll!(&mut early).is_pending(),
        "answered before its batch was committed"
    );
    let visible = notes(&store.database).await;
    late.release.send(()).unwrap();
    assert_eq!(early.await.unwrap(), 1);
    assert_eq!(late.write.await.unwrap().unwrap(), 2);
    // Were the two not in one batch, the first would have been committed, and answered, on its own.
    assert_eq!(visible, [100]);
    assert_eq!(notes(&store.database).await, [1, 2, 100]);
}

async fn a_broken_unique_constraint_is_told_apart_and_spoils_nothing_else(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    writing(&store.database, 1, End::Well).await.unwrap();
    let held = held(&store.database, 100).await;
    let writes = [2, 1, 3].map(|id| writing(&store.database, id, End::Well));
    let answers = held.together_with(writes.into()).await;
    assert!(
        matches!(answers[1], Err(StorageError::Unique(_))),
        "{:?}",
        answers[1]
    );
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert_eq!(notes(&store.database).await, [1, 2, 3, 100]);
}

async fn a_caller_that_stops_waiting_leaves_no_half_of_a_write(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let (started, running) = oneshot::channel();
    let database = store.database.clone();
    let caller = tokio::spawn(async move {
        database
            .write(move |transaction| {
                async move {
                    note(transaction, 1).await?;
                    started.send(()).unwrap();
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    note(transaction, 2).await
                }
                .boxed()
            })
            .await
    });
    running.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    writing(&store.database, 3, End::Well).await.unwrap();
    // Both or none: SQLite's writer finishes what it has begun, PostgreSQL undoes it.
    let kept = notes(&store.database).await;
    assert!(kept == [1, 2, 3] || kept == [3], "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_deadlock_is_contention_for_one_and_nothing_for_the_other() {
    let bed = Bed::new(Engine::Postgres);
    let (store, _) = open(&bed, ServiceName::Identity).await;
    for id in [1, 2] {
        writing(&store.database, id, End::Well).await.unwrap();
    }
    let both_hold_one = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let crossing = [(1, 2), (2, 1)].map(|(first, second)| {
        let (database, barrier) = (store.database.clone(), std::sync::Arc::clone(&both_hold_one));
        async move {
            database
                .write(move |transaction| {
                    async move {
                        let lock = |id| format!("UPDATE notes SET body = 'locked' WHERE id = {id}");
                        transaction.execute_unprepared(&lock(first)).await?;
                        barrier.wait().await;
                        transaction.execute_unprepared(&lock(second)).await?;
                        Ok::<_, StorageError>(())
                    }
                    .boxed()
                })
                .await
        }
    });
    let answers = futures::future::join_all(crossing).await;
    let lost: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(matches!(lost[..], [StorageError::Contended]), "{lost:?}");
    assert_eq!(Fault::from(lost[0].clone()).reason, "CONTENDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_file_that_another_process_is_writing_is_contention_and_then_free() {
    let bed = Bed::new(Engine::Sqlite);
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let other = Database::connect(&config).await.unwrap();
    let held = held(&other, 100).await;
    // Longer than the engine itself waits.
    let (lone, batched) = tokio::join!(
        writing(&store.database, 1, End::Well),
        futures::future::join_all([2, 3].map(|id| writing(&store.database, id, End::Well)))
    );
    for answer in batched.into_iter().chain([lone]) {
        assert!(matches!(answer, Err(StorageError::Contended)), "{answer:?}");
    }
    held.release.send(()).unwrap();
    held.write.await.unwrap().unwrap();
    writing(&store.database, 4, End::Well).await.unwrap();
    assert_eq!(notes(&store.database).await, [4, 100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_not_there_or_says_nothing_is_unavailable_and_no_panic() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    for address in [closed, taken.local_addr().unwrap()] {
        let config = StorageConfig {
            url: Secret::new(format!("postgres://lutong@{address}/nothing")),
            acquire_timeout_ms: 300,
            ..StorageConfig::default()
        };
        let started = std::time::Instant::now();
        let database = Database::connect(&config).await.unwrap();
        let answers = [
            database.ping().await,
            writing(&database, 1, End::Well).await.map(drop),
            lutong_chassis::storage::migrate::<Migrations>(&database).await,
            lutong_chassis::storage::is_current::<Migrations>(&database)
                .await
                .map(drop),
        ];
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
            assert_eq!(Fault::from(error).code, FaultCode::Unavailable);
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_goes_away_in_a_transaction_is_unavailable_and_comes_back() {
    let database = crate::schema::migrated(&fresh_postgres().await).await;
    let cut = database.write(|transaction| {
        async move {
            note(transaction, 1).await?;
            let end = "SELECT pg_terminate_backend(pg_backend_pid())";
            transaction.execute_unprepared(end).await?;
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    let error = cut.await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    writing(&database, 2, End::Well).await.unwrap();
    assert_eq!(
        column::<i64>(&database, "SELECT id FROM notes WHERE id > 0").await,
        [2]
    );
}
