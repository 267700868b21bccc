//! A database that starts refusing writes: acknowledged writes are stored, others leave nothing half-written, and
//! writing resumes by itself.

use futures::FutureExt as _;
use futures::future::join_all;
use lutong_kernel::ServiceName;
use lutong_storage::{Database, Engine, StorageConfig, StorageError};
use lutong_testing::Bed;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};

use crate::schema::{note, notes, open};
use crate::storage::{End, blocked_write, writing};

/// A row large enough to fill the file soon.
const LARGE: &str = "INSERT INTO notes VALUES ({id}, hex(zeroblob(30000)))";

/// Limits the growth of the file to `pages`, as long as the writer keeps this connection.
async fn limit(database: &Database, pages: u32) {
    database
        .write(move |transaction| limited(transaction, pages).boxed())
        .await
        .unwrap();
}

async fn limited(transaction: &DatabaseTransaction, pages: u32) -> Result<(), StorageError> {
    let now = transaction
        .query_one_raw(sea_orm::Statement::from_string(
            sea_orm::DbBackend::Sqlite,
            "PRAGMA page_count",
        ))
        .await?
        .unwrap();
    let now: i32 = now.try_get_by_index(0)?;
    let limit = format!("PRAGMA max_page_count = {}", now.unsigned_abs() + pages);
    transaction.execute_unprepared(&limit).await?;
    Ok(())
}

async fn large(database: &Database, id: i64) -> Result<i64, StorageError> {
    database
        .write(move |transaction| {
            async move {
                transaction
                    .execute_unprepared(&LARGE.replace("{id}", &id.to_string()))
                    .await?;
                Ok(id)
            }
            .boxed()
        })
        .await
}

/// A test bed whose file is limited, and another process's view of it.
async fn small() -> (Bed, Database, Database, StorageConfig) {
    let bed = Bed::new(Engine::Sqlite);
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let elsewhere = Database::connect(&config).await.unwrap();
    (bed, store.database, elsewhere, config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_what_is_answered_after_a_full_file_is_stored() {
    let (_bed, database, elsewhere, _) = small().await;
    for round in 0..5 {
        limit(&database, 4).await;
        let first = 1_000 * (round + 1);
        let refused = large(&database, first).await.unwrap_err();
        assert!(matches!(refused, StorageError::Full), "{refused:?}");
        // A few more writes, alone and batched, before there is space again: some may fit.
        let mut answered = Vec::new();
        for id in first + 1..first + 4 {
            answered.extend(writing(&database, id, End::Well).await.ok());
        }
        let together = (first + 4..first + 20).map(|id| writing(&database, id, End::Well));
        answered.extend(join_all(together).await.into_iter().filter_map(Result::ok));
        let failing = [End::Badly, End::InPanic].map(|end| writing(&database, first + 30, end));
        assert!(join_all(failing).await.iter().all(Result::is_err));
        answered.push(writing(&database, first + 31, End::Well).await.unwrap());
        let stored = notes(&elsewhere).await;
        let of_round: Vec<_> = stored.into_iter().filter(|id| *id >= first).collect();
        assert_eq!(of_round, answered, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_closure_that_passes_over_a_full_file_is_not_answered_well_and_leaves_nothing() {
    let (_bed, database, elsewhere, _) = small().await;
    limit(&database, 4).await;
    let passed_over = database.write(|transaction| {
        async move {
            note(transaction, 1).await?;
            let _ = transaction.execute_unprepared(&LARGE.replace("{id}", "2")).await;
            // The engine has ended the transaction: this statement alone would be autocommitted.
            let _ = note(transaction, 3).await;
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    let error = passed_over.await.unwrap_err();
    assert!(
        matches!(error, StorageError::Full | StorageError::Unavailable(_)),
        "{error:?}"
    );
    assert_eq!(notes(&elsewhere).await, [0_i64; 0]);
    writing(&database, 4, End::Well).await.unwrap();
    assert_eq!(notes(&elsewhere).await, [4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_batch_whose_transaction_is_lost_fails_whole() {
    let (_bed, database, elsewhere, _) = small().await;
    limit(&database, 4).await;
    let before = blocked_write(&database, 100).await;
    let mut batch: Vec<_> = (1..=3).map(|id| writing(&database, id, End::Well)).collect();
    batch.push(large(&database, 4).boxed());
    batch.extend((5..=7).map(|id| writing(&database, id, End::Well)));
    let let_go = async { before.release.send(()).unwrap() };
    let (answers, ()) = futures::future::join(join_all(batch), let_go).await;
    before.write.await.unwrap().unwrap();
    let stored = notes(&elsewhere).await;
    let answered: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().ok().copied())
        .collect();
    assert_eq!(stored, [&answered[..], &[100]].concat(), "{answers:?}");
    assert!(matches!(answers[3], Err(StorageError::Full)), "{:?}", answers[3]);
    // All closures of the transaction fail with the same reason, whether they ran before or after the failing one.
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(StorageError::Full))),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_readiness_says_that_writes_are_refused_and_why_until_they_are_taken_again() {
    let (_bed, database, _, config) = small().await;
    database.check_writes().await.unwrap();
    let other = Database::connect(&config).await.unwrap();
    let lock = blocked_write(&other, 100).await;
    // The engine waits five seconds for the lock before it fails.
    let refused = writing(&database, 1, End::Well).await.unwrap_err();
    assert!(matches!(refused, StorageError::Contended), "{refused:?}");
    let asked = database.check_writes().await;
    assert!(matches!(asked, Err(StorageError::Contended)), "{asked:?}");
    lock.release.send(()).unwrap();
    lock.write.await.unwrap().unwrap();
    database.check_writes().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_closure_that_passes_over_a_failed_statement_is_not_answered_well() {
    let bed = Bed::new(Engine::Postgres);
    let (store, config) = open(&bed, ServiceName::Identity).await;
    let elsewhere = Database::connect(&config).await.unwrap();
    for failing in [
        "INSERT INTO notes VALUES (1, 'twice')",
        "SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)",
        "SELECT 1 / 0",
    ] {
        let passed_over = store.database.write(move |transaction| {
            async move {
                note(transaction, 1).await?;
                let failed = transaction.execute_unprepared(failing).await;
                assert!(failed.is_err());
                Ok::<_, StorageError>(())
            }
            .boxed()
        });
        let error = passed_over.await.unwrap_err();
        assert!(
            matches!(error, StorageError::Unavailable(_)),
            "{failing}: {error:?}"
        );
        assert_eq!(notes(&elsewhere).await, [0_i64; 0], "{failing}");
    }
    writing(&store.database, 2, End::Well).await.unwrap();
    assert_eq!(notes(&elsewhere).await, [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_statement_that_takes_too_long_is_unavailable_and_undone() {
    let bed = Bed::new(Engine::Postgres);
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let late = store.database.write(|transaction| {
        async move {
            note(transaction, 1).await?;
            transaction
                .execute_unprepared("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)")
                .await?;
            Ok::<_, StorageError>(())
        }
        .boxed()
    });
    let error = late.await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    assert_eq!(notes(&store.database).await, [0_i64; 0]);
}
