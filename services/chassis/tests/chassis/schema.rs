//! The schema that these tests stand on: every table of the chassis, and two plain ones to see effects by.

use lutong_chassis::Store;
use lutong_kernel::ServiceName;
use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use lutong_storage::outbox::{FollowedCursor, create_followed_table, create_outbox_table};
use lutong_storage::{Database, Engine, StorageConfig, StorageError};
use lutong_testing::Bed;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

pub struct Migrations;

impl MigratorTrait for Migrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Tables), Box::new(FirstNote), Box::new(FollowedCursor)]
    }
}

pub struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &'static str {
        "m0001_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await?;
        create_outbox_table(manager).await?;
        create_followed_table(manager).await?;
        let counter = match manager.get_database_backend() {
            DbBackend::Postgres => "bigserial PRIMARY KEY",
            _ => "integer PRIMARY KEY AUTOINCREMENT",
        };
        for table in [
            "CREATE TABLE notes (id bigint PRIMARY KEY, body text NOT NULL)".to_owned(),
            format!("CREATE TABLE applied (position {counter}, body text NOT NULL)"),
        ] {
            manager.get_connection().execute_unprepared(&table).await?;
        }
        Ok(())
    }
}

/// Writes a row, so that a second application shows.
struct FirstNote;

impl MigrationName for FirstNote {
    fn name(&self) -> &'static str {
        "m0002_first_note"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FirstNote {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let row = "INSERT INTO notes SELECT coalesce(max(id), 0) - 1, 'migrated' FROM notes";
        manager.get_connection().execute_unprepared(row).await?;
        Ok(())
    }
}

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
    lutong_storage::migrate::<Migrations>(&database).await.unwrap();
    database
}
