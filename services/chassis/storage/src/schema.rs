//! A service's schema: plain SQL, step by step, the same steps for each engine in its own words.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use sha2::{Digest as _, Sha256};

use crate::{Database, Engine, StorageError, probe};

/// Any constant will do: each service has a database of its own.
const LOCK: i64 = 0x6c75_746f_6e67;

/// The steps of a service, in order.
pub trait Schema: Send + Sync + 'static {
    const STEPS: &'static [Step];
}

/// One step. Once it is released its text stays as it is: what changes is a step of its own.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A step of the files `migrations/sqlite/NAME.sql` and `migrations/postgres/NAME.sql` of the crate.
#[macro_export]
macro_rules! step {
    ($name:literal) => {
        $crate::Step {
            name: $name,
            sqlite: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/migrations/sqlite/",
                $name,
                ".sql"
            )),
            postgres: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/migrations/postgres/",
                $name,
                ".sql"
            )),
        }
    };
}

impl Step {
    fn sql(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    fn digest(&self, engine: Engine) -> Vec<u8> {
        Sha256::digest(self.sql(engine).as_bytes()).to_vec()
    }
}

/// Waits until no other process migrates; until the transaction's end none does.
pub(crate) async fn take_turn(transaction: &DatabaseTransaction, engine: Engine) -> Result<(), StorageError> {
    if engine == Engine::Postgres {
        let lock = format!("SELECT pg_advisory_xact_lock({LOCK})");
        transaction.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// Takes every step that is missing, in a transaction of the caller's. A step that was taken with another text is refused: the
/// schema would not be what this build believes.
pub(crate) async fn apply<S: Schema>(
    transaction: &DatabaseTransaction,
    engine: Engine,
) -> Result<(), StorageError> {
    let bytes = engine.bytes();
    let table = format!(
        "CREATE TABLE IF NOT EXISTS schema_steps (name TEXT NOT NULL PRIMARY KEY, digest {bytes} NOT NULL)"
    );
    transaction.execute_unprepared(&table).await?;
    let taken = taken(transaction).await?;
    for step in S::STEPS {
        let digest = step.digest(engine);
        match taken.get(step.name) {
            Some(known) if *known == digest => {}
            Some(_) => {
                let name = step.name;
                return Err(StorageError::Damaged(format!(
                    "schema_steps: the step {name} was taken with another text than this build's"
                )));
            }
            None => {
                transaction.execute_unprepared(step.sql(engine)).await?;
                let note = "INSERT INTO schema_steps (name, digest) VALUES ($1, $2)";
                let values = [step.name.into(), digest.into()];
                let note = Statement::from_sql_and_values(transaction.get_database_backend(), note, values);
                transaction.execute_raw(note).await?;
            }
        }
    }
    probe::create_table(transaction, engine).await
}

/// Whether every step of this build was taken; asked by readiness. Further steps, of a newer build, are well.
pub async fn is_current<S: Schema>(database: &Database) -> Result<bool, StorageError> {
    let Ok(taken) = taken(database.reader()).await else {
        // Without the table; or without the database, which is an error.
        database.ping().await?;
        return Ok(false);
    };
    Ok(S::STEPS.iter().all(|step| taken.contains_key(step.name)))
}

async fn taken(connection: &impl ConnectionTrait) -> Result<BTreeMap<String, Vec<u8>>, StorageError> {
    let backend: DbBackend = connection.get_database_backend();
    let all = Statement::from_string(backend, "SELECT name, digest FROM schema_steps");
    let rows = connection.query_all_raw(all).await?;
    let read = |row: sea_orm::QueryResult| Ok((row.try_get("", "name")?, row.try_get("", "digest")?));
    rows.into_iter().map(read).collect()
}
