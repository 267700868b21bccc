//! The schema of these tests: every table of the chassis, and two simple ones to observe effects.

use lutong_chassis::Store;
use lutong_kernel::ServiceName;
use lutong_storage::installation::{self, InstallationError, ServiceDatabase};
use lutong_storage::{Database, Engine, Schema, Step, StorageConfig, StorageError, steps};
use lutong_testing::Bed;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement};

pub struct Migrations;

impl Schema for Migrations {
    const STEPS: &'static [Step] = &[
        steps::DATA_KEYS,
        steps::IDEMPOTENCY,
        steps::OUTBOX,
        steps::FOLLOWED,
        NOTES,
        FIRST_NOTE,
    ];
}

pub const NOTES: Step = Step {
    name: "notes_0001",
    sqlite: "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT NOT NULL);
             CREATE TABLE applied (position INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);",
    postgres: "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT NOT NULL);
               CREATE TABLE applied (position BIGSERIAL PRIMARY KEY, body TEXT NOT NULL);",
};

/// Writes a row, so that applying the step twice is visible.
const FIRST_NOTE: Step = Step {
    name: "notes_0002",
    sqlite: "INSERT INTO notes SELECT coalesce(max(id), 0) - 1, 'migrated' FROM notes;",
    postgres: "INSERT INTO notes SELECT coalesce(max(id), 0) - 1, 'migrated' FROM notes;",
};

/// A migrated store of `service`, and its settings, with which another process would open it.
pub async fn open(bed: &Bed, service: ServiceName) -> (Store, StorageConfig) {
    let config = bed.storage::<Migrations>(service).await;
    (open_again(bed, service, &config).await, config)
}

pub async fn open_again(bed: &Bed, service: ServiceName, config: &StorageConfig) -> Store {
    bed.foundation
        .open_store::<Migrations>(service, config, &[])
        .await
        .unwrap()
}

/// A database that is not migrated.
pub async fn unmigrated(engine: Engine, folder: &std::path::Path) -> StorageConfig {
    match engine {
        Engine::Sqlite => StorageConfig {
            url: lutong_kernel::Secret::new(format!("sqlite://{}", folder.join("fresh.db").display())),
            ..StorageConfig::default()
        },
        Engine::Postgres => lutong_testing::fresh_postgres().await,
    }
}

pub async fn note(transaction: &DatabaseTransaction, id: i64) -> Result<(), StorageError> {
    let row = format!("INSERT INTO notes VALUES ({id}, 'note')");
    transaction.execute_unprepared(&row).await?;
    Ok(())
}

/// Ids of the notes that a reader sees, without the migration's own.
pub async fn notes(database: &Database) -> Vec<i64> {
    column(database, "SELECT id FROM notes WHERE id > 0 ORDER BY id").await
}

/// The effects of followers, in order.
pub async fn applied(database: &Database) -> Vec<String> {
    column(database, "SELECT body FROM applied ORDER BY position").await
}

pub async fn column<T: sea_orm::TryGetable>(database: &Database, query: &str) -> Vec<T> {
    struct First<T>(T);
    impl<T: sea_orm::TryGetable> FromQueryResult for First<T> {
        fn from_query_result(row: &sea_orm::QueryResult, _: &str) -> Result<Self, DbErr> {
            Ok(Self(row.try_get_by_index(0)?))
        }
    }
    let statement = Statement::from_string(backend(database), query);
    let rows = First::find_by_statement(statement)
        .all(database.reader())
        .await
        .unwrap();
    rows.into_iter().map(|First(value)| value).collect()
}

pub fn backend(database: &Database) -> DbBackend {
    match database.engine() {
        Engine::Sqlite => DbBackend::Sqlite,
        Engine::Postgres => DbBackend::Postgres,
    }
}

/// Opens and migrates a database without opening its store.
pub async fn migrated(config: &StorageConfig) -> Database {
    let database = Database::connect(config).await.unwrap();
    migrate::<Migrations>(&database).await.unwrap();
    database
}

/// Migrates a database, as a service does.
pub async fn migrate<S: Schema>(database: &Database) -> Result<(), InstallationError> {
    let place = ServiceDatabase::new(ServiceName::Identity, &StorageConfig::default());
    installation::migrate::<S>(database, &place).await
}
