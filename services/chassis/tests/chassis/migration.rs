//! Migrations run once even if several processes start them, completely or not at all, and readiness reflects them.

use futures::future::join_all;
use lutong_storage::{Database, Schema, Step, StorageConfig, is_current, steps};
use lutong_testing::{Bed, on_both_engines};

use crate::schema::{Migrations, NOTES, column, migrate, unmigrated};

on_both_engines!(
    processes_that_migrate_at_once_all_succeed_and_each_step_is_taken_once,
    a_step_that_fails_takes_the_whole_migration_back,
    a_step_that_was_taken_with_another_text_is_refused_and_nothing_changes,
);

async fn fresh(bed: &Bed) -> (StorageConfig, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (unmigrated(bed.engine(), folder.path()).await, folder)
}

async fn processes_that_migrate_at_once_all_succeed_and_each_step_is_taken_once(bed: Bed) {
    let (config, _folder) = fresh(&bed).await;
    let connections = join_all((0..6).map(|_| Database::connect(&config))).await;
    let processes: Vec<Database> = connections.into_iter().map(Result::unwrap).collect();
    assert!(!is_current::<Migrations>(&processes[0]).await.unwrap());
    for result in join_all(processes.iter().map(migrate::<Migrations>)).await {
        result.unwrap();
    }
    for process in &processes {
        assert!(is_current::<Migrations>(process).await.unwrap());
    }
    let database = &processes[0];
    assert_eq!(column::<i64>(database, "SELECT id FROM notes").await, [-1]);
    let steps = "SELECT name FROM schema_steps ORDER BY name";
    assert_eq!(
        column::<String>(database, steps).await,
        [
            "data_keys_0001",
            "followed_0001",
            "idempotency_0001",
            "notes_0001",
            "notes_0002",
            "outbox_0001"
        ]
    );
    // A second time, with nothing to do.
    migrate::<Migrations>(database).await.unwrap();
    assert_eq!(column::<i64>(database, "SELECT id FROM notes").await, [-1]);
}

/// The first steps of the schema, then one that fails.
struct Broken;

impl Schema for Broken {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        NOTES,
        Step {
            name: "notes_0002",
            sqlite: "INSERT INTO nowhere VALUES (1);",
            postgres: "INSERT INTO nowhere VALUES (1);",
        },
    ];
}

/// The schema with a step whose text was edited after it was released.
struct Edited;

impl Schema for Edited {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        Step {
            name: NOTES.name,
            sqlite: "CREATE TABLE notes (id BIGINT PRIMARY KEY);",
            postgres: "CREATE TABLE notes (id BIGINT PRIMARY KEY);",
        },
    ];
}

async fn a_step_that_was_taken_with_another_text_is_refused_and_nothing_changes(bed: Bed) {
    let (config, _folder) = fresh(&bed).await;
    let database = Database::connect(&config).await.unwrap();
    migrate::<Migrations>(&database).await.unwrap();
    let refused = migrate::<Edited>(&database).await.unwrap_err().to_string();
    assert!(refused.contains(NOTES.name), "{refused}");
    assert!(is_current::<Migrations>(&database).await.unwrap());
}

async fn a_step_that_fails_takes_the_whole_migration_back(bed: Bed) {
    let (config, _folder) = fresh(&bed).await;
    let database = Database::connect(&config).await.unwrap();
    migrate::<Broken>(&database).await.unwrap_err();
    assert!(!is_current::<Broken>(&database).await.unwrap());
    // A leftover table would make this fail.
    migrate::<Migrations>(&database).await.unwrap();
    assert!(is_current::<Migrations>(&database).await.unwrap());
}
