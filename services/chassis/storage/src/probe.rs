//! Probe writes: whether a database accepts writes.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};

use super::health::NextProbe;
use super::{Database, Engine, StorageError};

/// The size of a batch of real writes: a disk with room for a single row counts as full.
const BATCH_SIZE: usize = 128 * 1_024;

impl Database {
    /// Whether writes are accepted; the error says why not. Costs a small write if nothing was committed for ten
    /// seconds, and a larger one each second while writes are refused.
    pub async fn check_writes(&self) -> Result<(), StorageError> {
        let filling = match self.health.next_probe() {
            NextProbe::NotNeeded => return Ok(()),
            NextProbe::TooSoon(error) => return Err(error),
            NextProbe::Small => 1,
            NextProbe::BatchSized => BATCH_SIZE,
        };
        let backend = self.backend();
        self.write(move |transaction| fill(transaction, backend, filling).boxed())
            .await?;
        if filling == BATCH_SIZE {
            self.write(move |transaction| fill(transaction, backend, 1).boxed())
                .await?;
        }
        Ok(())
    }

    pub(super) fn backend(&self) -> DbBackend {
        match self.engine() {
            Engine::Sqlite => DbBackend::Sqlite,
            Engine::Postgres => DbBackend::Postgres,
        }
    }
}

/// Creates the probe's table.
pub async fn create_table(transaction: &DatabaseTransaction, engine: Engine) -> Result<(), StorageError> {
    let bytes = engine.bytes();
    let create =
        format!("CREATE TABLE IF NOT EXISTS storage_probe (id BIGINT PRIMARY KEY, filling {bytes} NOT NULL)");
    transaction.execute_unprepared(&create).await?;
    Ok(())
}

async fn fill(
    transaction: &DatabaseTransaction,
    backend: DbBackend,
    bytes: usize,
) -> Result<(), StorageError> {
    // Pseudo-random, so that PostgreSQL cannot compress it away.
    #[allow(clippy::cast_possible_truncation)] // the low byte is what is wanted
    let filling: Vec<u8> = (0..bytes as u64)
        .map(|index| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    let upsert = "INSERT INTO storage_probe (id, filling) VALUES (1, $1) \
                  ON CONFLICT (id) DO UPDATE SET filling = excluded.filling";
    let statement = Statement::from_sql_and_values(backend, upsert, [filling.into()]);
    transaction.execute_raw(statement).await?;
    Ok(())
}
