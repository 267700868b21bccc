//! The risk areas in memory: as many as a province lists fit easily, and an evaluation asks them thousands of times.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use lutong_chassis::storage::{Database, Engine, StorageError};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::Mutex;

use crate::domain::area::AreaBook;
use crate::store;

/// Advisory lock on PostgreSQL: decisions share it, an import has it alone. So nobody decides by areas that an import
/// has replaced, and the import's own round of decisions sees everybody who was decided before it.
const AREAS_LOCK: i64 = 0x0061_7265_6173;

/// All areas up to a row of the table.
#[derive(Debug)]
struct Loaded {
    book: Arc<AreaBook>,
    last: i64,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Areas {
    database: Database,
    loaded: Arc<ArcSwapOption<Loaded>>,
    loading: Arc<Mutex<()>>,
}

impl Areas {
    pub fn new(database: Database) -> Self {
        Self {
            database,
            loaded: Arc::default(),
            loading: Arc::default(),
        }
    }

    /// Loads what is there, once, outside any transaction.
    pub async fn ready(&self) -> Result<(), StorageError> {
        if self.loaded.load().is_none() {
            self.catch_up(self.database.reader()).await?;
        }
        Ok(())
    }

    /// The areas for decisions of this transaction.
    pub async fn shared(&self, transaction: &DatabaseTransaction) -> Result<Arc<AreaBook>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock_shared({AREAS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
            return self.catch_up(transaction).await;
        }
        // The one writer of this process brought memory up to date when it imported.
        match self.loaded.load_full() {
            Some(loaded) => Ok(Arc::clone(&loaded.book)),
            None => self.catch_up(transaction).await,
        }
    }

    /// The areas for an import, which has them alone.
    pub async fn alone(&self, transaction: &DatabaseTransaction) -> Result<Arc<AreaBook>, StorageError> {
        if self.database.engine() == Engine::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({AREAS_LOCK})");
            transaction.execute_unprepared(&lock).await?;
        }
        self.catch_up(transaction).await
    }

    /// Reads rows that are not in memory yet.
    pub async fn catch_up(&self, connection: &impl ConnectionTrait) -> Result<Arc<AreaBook>, StorageError> {
        let _one_at_a_time = self.loading.lock().await;
        let known = self.loaded.load_full();
        let after = known.as_ref().map_or(0, |known| known.last);
        let (new, last) = store::areas::after(connection, after).await?;
        if let Some(known) = &known
            && new.is_empty()
        {
            return Ok(Arc::clone(&known.book));
        }
        let mut book = known.map_or_else(AreaBook::default, |known| (*known.book).clone());
        for entry in new {
            book.insert(entry);
        }
        let book = Arc::new(book);
        self.loaded.store(Some(Arc::new(Loaded {
            book: Arc::clone(&book),
            last,
        })));
        Ok(book)
    }
}
