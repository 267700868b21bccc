//! The schema that these tests stand on: every table of the chassis, and two plain ones to see effects by.

use lutong_chassis::Store;
use lutong_kernel::ServiceName;
use lutong_storage::installation::{self, InstallationError, Place};
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

/// Writes a row, so that a second application shows.
const FIRST_NOTE: Step = Step {
    name: "notes_0002",
    sqlite: "INSERT INTO notes SELECT coalesce(max(id), 0) - 1, 'migrated' FROM notes;",
    postgres: "INSERT INTO notes SELECT coalesce(max(id), 0) - 1, 'migrated' FROM notes;",
};

/// A migrated store of `service`, and where it is: opening that again is what another process does.
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

/// A database that nobody has migrated.
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

/// What followers have done, in the order in which they did it.
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

/// Brings a database up to date that was opened without its store.
pub async fn migrated(config: &StorageConfig) -> Database {
    let database = Database::connect(config).await.unwrap();
    migrate::<Migrations>(&database).await.unwrap();
    database
}

/// Brings a database up to date, as a service's migration does.
pub async fn migrate<S: Schema>(database: &Database) -> Result<(), InstallationError> {
    let place = Place::new(ServiceName::Identity, &StorageConfig::default());
    installation::migrate::<S>(database, &place).await
}
