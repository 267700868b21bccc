//! Writes: a closure is stored completely or not at all, independently of others, and answered after the commit.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_kernel::ServiceName;
use lutong_storage::{Database, Engine, StorageError};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use tokio::sync::oneshot;

use crate::schema::{note, notes, open};

on_both_engines!(
    a_closure_that_fails_or_panics_undoes_its_own_writes_and_nobody_elses,
    a_lone_closure_that_fails_or_panics_leaves_nothing_and_the_next_is_kept,
    what_was_answered_is_there_for_every_reader,
    a_broken_unique_constraint_is_told_apart_and_spoils_nothing_else,
    a_caller_that_stops_waiting_leaves_no_half_of_a_write,
);

pub type Writing = BoxFuture<'static, Result<i64, StorageError>>;

/// What a closure does after its write.
#[derive(Clone, Copy)]
pub enum End {
    Well,
    Badly,
    InPanic,
}

pub fn writing(database: &Database, id: i64, end: End) -> Writing {
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

/// A write that blocks until released, so that the writes after it queue up.
pub struct BlockedWrite {
    pub write: tokio::task::JoinHandle<Result<i64, StorageError>>,
    pub release: oneshot::Sender<()>,
}

impl BlockedWrite {
    /// Starts `writes`, then releases this one. On SQLite all of them are queued by then and form one batch.
    async fn release_after(self, writes: Vec<Writing>) -> Vec<Result<i64, StorageError>> {
        let let_go = async { self.release.send(()).unwrap() };
        // Polled in this order.
        let (answers, ()) = futures::future::join(futures::future::join_all(writes), let_go).await;
        self.write.await.unwrap().unwrap();
        answers
    }
}

/// A write that is queued by its first poll, says when it runs, and is held then.
struct HeldWrite {
    write: Writing,
    running: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl HeldWrite {
    async fn run(self) -> BlockedWrite {
        let write = tokio::spawn(self.write);
        self.running.await.unwrap();
        BlockedWrite {
            write,
            release: self.release,
        }
    }
}

fn held_write(database: &Database, id: i64) -> HeldWrite {
    let (started, running) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let database = database.clone();
    let write = async move {
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
    };
    HeldWrite {
        write: write.boxed(),
        running,
        release,
    }
}

pub async fn blocked_write(database: &Database, id: i64) -> BlockedWrite {
    held_write(database, id).run().await
}

async fn a_closure_that_fails_or_panics_undoes_its_own_writes_and_nobody_elses(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let held = blocked_write(&store.database, 100).await;
    let writes = (1..=9)
        .map(|id| {
            let end = [End::Well, End::Badly, End::InPanic][usize::try_from(id % 3).unwrap()];
            writing(&store.database, id, end)
        })
        .collect();
    for (id, answer) in (1..).zip(held.release_after(writes).await) {
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
    let held = blocked_write(&store.database, 100).await;
    assert_eq!(notes(&elsewhere).await, [0_i64; 0]);
    held.release.send(()).unwrap();
    held.write.await.unwrap().unwrap();
    assert_eq!(notes(&elsewhere).await, [100]);
    for id in 1..=20 {
        writing(&store.database, id, End::Well).await.unwrap();
        assert!(notes(&elsewhere).await.contains(&id), "{id} was answered");
    }
}

/// Group commit: a closure is answered when its batch is committed, not when it has run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_those_of_one_batch_are_answered_after_their_common_commit() {
    let bed = Bed::new(Engine::Sqlite);
    let (store, _) = open(&bed, ServiceName::Identity).await;
    let first_held = blocked_write(&store.database, 100).await;
    let mut early = writing(&store.database, 1, End::Well);
    assert!(futures::poll!(&mut early).is_pending());
    // Queued behind `early` and so in the same batch: when it runs, `early` has run.
    let mut late = held_write(&store.database, 2);
    assert!(futures::poll!(&mut late.write).is_pending());
    first_held.release.send(()).unwrap();
    let late = late.run().await;
    assert!(
        futures::poll!(&mut early).is_pending(),
        "answered before its batch was committed"
    );
    let visible = notes(&store.database).await;
    late.release.send(()).unwrap();
    assert_eq!(early.await.unwrap(), 1);
    assert_eq!(late.write.await.unwrap().unwrap(), 2);
    // If the two were not in one batch, the first would already have been committed and answered.
    assert_eq!(visible, [100]);
    assert_eq!(notes(&store.database).await, [1, 2, 100]);
}

async fn a_broken_unique_constraint_is_told_apart_and_spoils_nothing_else(bed: Bed) {
    let (store, _) = open(&bed, ServiceName::Identity).await;
    writing(&store.database, 1, End::Well).await.unwrap();
    let held = blocked_write(&store.database, 100).await;
    let writes = [2, 1, 3].map(|id| writing(&store.database, id, End::Well));
    let answers = held.release_after(writes.into()).await;
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
    // Both or none: SQLite's writer finishes the closure, PostgreSQL rolls it back.
    let kept = notes(&store.database).await;
    assert!(kept == [1, 2, 3] || kept == [3], "{kept:?}");
}
