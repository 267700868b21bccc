//! Asking a database whether it takes writes, by a write.

use futures::FutureExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};

use super::health::Inquiry;
use super::{Database, Engine, StorageError};

/// As much as a batch of real writes needs: a disk that has room for one more row only is full.
const ROOM: usize = 128 * 1_024;

impl Database {
    /// Whether writes are taken; the error says why not. Costs a small write where none was stored for ten seconds, and
    /// while they are refused a larger one each second.
    pub async fn check_writes(&self) -> Result<(), StorageError> {
        let filling = match self.health.inquire() {
            Inquiry::Writable => return Ok(()),
            Inquiry::Refused(error) => return Err(error),
            Inquiry::Ask => 1,
            Inquiry::AskWithRoom => ROOM,
        };
        let backend = self.backend();
        self.write(move |transaction| fill(transaction, backend, filling).boxed())
            .await?;
        if filling == ROOM {
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

/// The table of the probe, beside the service's own.
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
    // No two neighbours alike, so that PostgreSQL does not compress it to nothing.
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
