//! Migrations: once however many processes begin them, all or none, and readiness knows.

use futures::future::join_all;
use lutong_storage::{Database, StorageConfig, is_current, migrate};
use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use sea_orm::DbErr;
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

use crate::schema::{Migrations, Tables, column, unmigrated};

on_both_engines!(
    processes_that_migrate_at_once_all_succeed_and_each_step_is_taken_once,
    a_step_that_fails_takes_the_whole_migration_back,
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
    let steps = "SELECT version FROM seaql_migrations ORDER BY version";
    assert_eq!(
        column::<String>(database, steps).await,
        ["chassis_0002_followed_cursor", "m0001_tables", "m0002_first_note"]
    );
    // Again, with nothing to do.
    migrate::<Migrations>(database).await.unwrap();
    assert_eq!(column::<i64>(database, "SELECT id FROM notes").await, [-1]);
}

/// The first step of the schema, then one that breaks.
struct Broken;

impl MigratorTrait for Broken {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Tables), Box::new(Breaks)]
    }
}

struct Breaks;

impl MigrationName for Breaks {
    fn name(&self) -> &'static str {
        "m0002_breaks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Breaks {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Custom("the disk is on fire".to_owned()))
    }
}

async fn a_step_that_fails_takes_the_whole_migration_back(bed: Bed) {
    let (config, _folder) = fresh(&bed).await;
    let database = Database::connect(&config).await.unwrap();
    migrate::<Broken>(&database).await.unwrap_err();
    assert!(!is_current::<Broken>(&database).await.unwrap());
    // A table left over would be in the way now.
    migrate::<Migrations>(&database).await.unwrap();
    assert!(is_current::<Migrations>(&database).await.unwrap());
}
