//! Writes records: waiting records are chained and committed in one transaction.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_kernel::{Clock, Fault, LocalDay};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use super::record::{AuditKeys, Head, Record, Seal};
use super::tables::{head, last_id, record, seal};
use lutong_storage::batch::Batcher;
use lutong_storage::crypto::BEGINNING;
use lutong_storage::{Database, Engine, StorageError};
use lutong_transport::record::{AuditSink, CallRecord};

/// Maximum number of records in one transaction.
const BATCH: usize = 256;

/// A service's audit log; cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) database: Database,
    pub(super) keys: AuditKeys,
    pub(super) clock: Arc<dyn Clock>,
    writing: Batcher<Record, Result<(), StorageError>>,
}

impl AuditLog {
    pub fn new(database: Database, keys: AuditKeys, clock: Arc<dyn Clock>) -> Self {
        let log = (database.clone(), keys.clone());
        // Batches run one after another: each continues the chain of the previous one.
        let writing = Batcher::start(BATCH, 1, move |records: Vec<Record>| {
            let (database, keys) = log.clone();
            async move {
                let count = records.len();
                let written = append(&database, keys, records).await;
                vec![written; count]
            }
        });
        Self {
            database,
            keys,
            clock,
            writing,
        }
    }
}

#[async_trait::async_trait]
impl AuditSink for AuditLog {
    async fn record(&self, call: CallRecord) -> Result<(), Fault> {
        let written = self.writing.call(Record::of(call)).await;
        Ok(written.unwrap_or(Err(StorageError::Contended))?)
    }
}

async fn append(database: &Database, keys: AuditKeys, records: Vec<Record>) -> Result<(), StorageError> {
    let engine = database.engine();
    database
        .write(move |transaction| {
            async move {
                let mut end = lock_head(transaction, engine).await?;
                let mut rows = Vec::with_capacity(records.len());
                for mut record in records {
                    record.sequence = end.sequence + 1;
                    let entry = keys.entry(&end.entry, &record);
                    (end.sequence, end.entry) = (record.sequence, entry);
                    rows.push(record::ActiveModel::from((record, entry)));
                }
                record::Entity::insert_many(rows)
                    .exec_without_returning(transaction)
                    .await?;
                write_head(transaction, &end, &keys).await
            }
            .boxed()
        })
        .await
}

/// The head of the log, locked against other replicas until the transaction ends. A missing head is not recreated,
/// because that would hide its removal.
async fn lock_head(transaction: &DatabaseTransaction, engine: Engine) -> Result<Head, StorageError> {
    let find = head::Entity::find_by_id(1);
    // SQLite has one writer.
    let find = match engine {
        Engine::Postgres => find.lock_exclusive(),
        Engine::Sqlite => find,
    };
    let row = find.one(transaction).await?;
    row.map(Head::from)
        .ok_or_else(|| StorageError::Damaged("the end of the audit log is gone".to_owned()))
}

async fn write_head(
    transaction: &DatabaseTransaction,
    end: &Head,
    keys: &AuditKeys,
) -> Result<(), StorageError> {
    head::Entity::update(head::ActiveModel::of(end, end.proof(keys)))
        .exec(transaction)
        .await?;
    Ok(())
}

impl AuditLog {
    /// Creates the head if there is none: the chain begins after the records of an older version.
    pub async fn begin(&self) -> Result<(), StorageError> {
        let keys = self.keys.clone();
        self.database
            .write(move |transaction| {
                async move {
                    let began = record::Entity::find().filter(record::Column::Entry.is_not_null());
                    let began = began.one(transaction).await?.is_some();
                    if began || head::Entity::find_by_id(1).one(transaction).await?.is_some() {
                        return Ok(());
                    }
                    let unchained = last_id(transaction).await?;
                    let first = Head {
                        sequence: unchained,
                        entry: BEGINNING,
                        unchained,
                        sealed: None,
                    };
                    // If two processes start together, one row wins.
                    head::Entity::insert(head::ActiveModel::of(&first, first.proof(&keys)))
                        .on_conflict(OnConflict::new().do_nothing().to_owned())
                        .exec_without_returning(transaction)
                        .await?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Seals `day` at the current head, unless it or a later day is sealed already. Returns whether it sealed.
    pub(super) async fn seal(&self, day: LocalDay) -> Result<bool, StorageError> {
        let (engine, keys, now) = (self.database.engine(), self.keys.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                async move {
                    let mut end = lock_head(transaction, engine).await?;
                    if end.sealed.is_some_and(|(sealed, _)| sealed >= day) {
                        return Ok(false);
                    }
                    let before = match end.sealed {
                        Some((sealed, _)) => seal::Entity::find_by_id(sealed.days()).one(transaction).await?,
                        None => None,
                    };
                    let since = before.map_or(end.unchained, |row| row.sequence);
                    let seal = Seal {
                        day,
                        sealed_at: now,
                        sequence: end.sequence,
                        entry: end.entry,
                        records: end.sequence - since,
                    };
                    let proof = seal.proof(&keys, &end.sealed.map_or(BEGINNING, |(_, proof)| proof));
                    seal::Entity::insert(seal::ActiveModel::from((seal, proof)))
                        .exec_without_returning(transaction)
                        .await?;
                    end.sealed = Some((day, proof));
                    write_head(transaction, &end, &keys).await?;
                    Ok(true)
                }
                .boxed()
            })
            .await
    }
}
