//! Differences between the engines: locking, and a server that is absent or goes away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_kernel::{Fault, FaultCode, Secret, ServiceName};
use lutong_storage::installation::InstallationError;
use lutong_storage::{Database, Engine, StorageConfig, StorageError, is_current};
use lutong_testing::{Bed, fresh_postgres};
use sea_orm::ConnectionTrait as _;
use tokio::sync::Barrier;

use crate::schema::{Migrations, column, migrate, migrated, note, notes, open};
use crate::storage::{End, blocked_write, writing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_deadlock_is_contention_for_one_and_nothing_for_the_other() {
    let bed = Bed::new(Engine::Postgres);
    let (store, _) = open(&bed, ServiceName::Identity).await;
    for id in [1, 2] {
        writing(&store.database, id, End::Well).await.unwrap();
    }
    let both_hold_one = Arc::new(Barrier::new(2));
    let crossing = [(1, 2), (2, 1)].map(|(first, second)| {
        let (database, barrier) = (store.database.clone(), Arc::clone(&both_hold_one));
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
    let answers = join_all(crossing).await;
    let lost: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(matches!(lost[..], [StorageError::Contended]), "{lost:?}");
    assert_eq!(Fault::from(lost[0].clone()).reason, "CONTENDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_file_that_another_process_is_writing_is_contention_and_then_free() {
    let bed = Bed::new(Engine::Sqlite);
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let other = Database::connect(&config).await.unwrap();
    let held = blocked_write(&other, 100).await;
    // Longer than the engine's own timeout.
    let (lone, batched) = tokio::join!(
        writing(&store.database, 1, End::Well),
        join_all([2, 3].map(|id| writing(&store.database, id, End::Well)))
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
        let started = Instant::now();
        let database = Database::connect(&config).await.unwrap();
        let answers = [
            database.ping().await,
            writing(&database, 1, End::Well).await.map(drop),
            is_current::<Migrations>(&database).await.map(drop),
        ];
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
            assert_eq!(Fault::from(error).code, FaultCode::Unavailable);
        }
        let migrated = migrate::<Migrations>(&database).await;
        let away = |error| matches!(error, InstallationError::Storage(StorageError::Unavailable(_)));
        assert!(migrated.is_err_and(away));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_goes_away_in_a_transaction_is_unavailable_and_comes_back() {
    let database = migrated(&fresh_postgres().await).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_many_processes_open_one_new_file_at_once() {
    for _ in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let config = StorageConfig {
            url: Secret::new(format!("sqlite://{}", folder.path().join("new.db").display())),
            ..StorageConfig::default()
        };
        let opened = (0..16).map(|_| {
            let config = config.clone();
            tokio::spawn(async move {
                let database = Database::connect(&config).await?;
                migrate::<Migrations>(&database).await
            })
        });
        for opened in join_all(opened).await {
            opened.unwrap().unwrap();
        }
    }
}
