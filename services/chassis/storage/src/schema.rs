//! A service's schema: migration steps in plain SQL, the same steps in each engine's dialect.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use sha2::{Digest as _, Sha256};

use crate::{Database, Engine, StorageError, advisory, probe};

/// Advisory lock of migrations; any constant works, since each service has its own database.
const LOCK: i64 = 0x6c75_746f_6e67;

/// The steps of a service, in order.
pub trait Schema: Send + Sync + 'static {
    const STEPS: &'static [Step];
}

/// One migration step. Its text is frozen once released; a change is a new step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// The step in the crate's files `migrations/sqlite/NAME.sql` and `migrations/postgres/NAME.sql`.
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

/// Takes the migration lock until the end of the transaction.
pub(crate) async fn lock_migrations(transaction: &DatabaseTransaction) -> Result<(), StorageError> {
    advisory::lock(transaction, LOCK).await
}

/// Applies every missing step, in the caller's transaction. Fails if a step was applied with another text: the schema
/// would not be what this build expects.
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
                    "schema_steps: the step {name} was applied with another text than this build's"
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

/// Whether every step of this build was applied; used by readiness. Additional steps of a newer build are allowed.
pub async fn is_current<S: Schema>(database: &Database) -> Result<bool, StorageError> {
    let Ok(taken) = taken(database.reader()).await else {
        // The table is missing, or the database does not answer, which is an error.
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
