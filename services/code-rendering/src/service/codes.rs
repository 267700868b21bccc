//! Codes as they stand: bringing decisions into force, and reading what is.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use lutong_chassis::Store;
#[cfg(feature = "failpoints")]
use lutong_failpoint::Broken;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::gather::Gatherer;
use lutong_storage::outbox::Position;
use lutong_storage::{Database, Engine, StorageError};
use lutong_token::Mask;

use super::memory::{Memory, Writing};
use super::reading::BatchedReader;
use crate::domain::code::{Code, ShownCode, newest};
use crate::peers::identity::IdentityMasks;
use crate::store::codes::{self, StoredCode};

/// Decisions that changed a code, by subject and version.
pub type Changed = HashSet<(SubjectId, i64)>;

/// Calls that are applied in one transaction.
type Together = Gatherer<Vec<Code>, Result<Arc<Changed>, Fault>>;

/// Decisions of a call that is gathered with others, and such calls in one transaction.
const GATHERED: usize = 4;
const CALLS: usize = 256;

/// All codes; cheap to clone.
#[derive(Clone)]
pub struct Codes(Arc<Inner>);

struct Inner {
    database: Database,
    fields: FieldCipher,
    reader: BatchedReader,
    memory: Option<Arc<Memory>>,
    masks: IdentityMasks,
    gatherer: OnceLock<Together>,
}

fn context(subject: SubjectId) -> Vec<u8> {
    format!("codes/mask/{subject}").into_bytes()
}

impl Codes {
    pub fn new(store: &Store, masks: IdentityMasks) -> Self {
        let database = store.database.clone();
        // SQLite's file belongs to this process alone; a PostgreSQL database has other replicas' writes in it.
        let alone = database.engine() == Engine::Sqlite;
        #[cfg(feature = "failpoints")]
        let alone = alone || lutong_failpoint::broken(Broken::StaleMemory);
        let memory = alone.then(Memory::new);
        Self(Arc::new(Inner {
            reader: BatchedReader::start(database.clone()),
            fields: store.fields.clone(),
            database,
            memory,
            masks,
            gatherer: OnceLock::new(),
        }))
    }

    /// The code of a subject as it stands now.
    pub async fn find(&self, subject: SubjectId) -> Result<Option<Arc<ShownCode>>, Fault> {
        let ticket = match self.0.memory.as_ref().map(|memory| memory.get(subject)) {
            Some(Ok(row)) => return Ok(Some(row)),
            Some(Err(ticket)) => Some(ticket),
            None => None,
        };
        let Some(stored) = self.0.reader.find(subject).await? else {
            return Ok(None);
        };
        let cipher = self.0.fields.ready().await?;
        let row = Arc::new(open(&cipher, stored)?);
        if let (Some(memory), Some(ticket)) = (&self.0.memory, ticket) {
            memory.put(ticket, &row);
        }
        Ok(Some(row))
    }

    /// Brings decisions into force together with those of other calls that wait: how many of these changed a code.
    pub async fn apply(&self, decided: Vec<Code>) -> Result<u64, Fault> {
        let own: Changed = decided.iter().map(|code| (code.subject, code.version)).collect();
        let changed = if decided.len() > GATHERED {
            Arc::new(self.apply_now(decided, None).await?)
        } else {
            let gatherer = self.0.gatherer.get_or_init(|| self.gather());
            gatherer.call(decided).await.ok_or_else(Fault::internal)??
        };
        Ok(own.intersection(&changed).count() as u64)
    }

    fn gather(&self) -> Together {
        // Weak: the worker must not keep alive what keeps it alive.
        let inner = Arc::downgrade(&self.0);
        Gatherer::start(CALLS, 1, move |calls: Vec<Vec<Code>>| {
            let inner = inner.clone();
            async move {
                let count = calls.len();
                let applied = match inner.upgrade() {
                    Some(inner) => Self(inner).apply_now(calls.concat(), None).await.map(Arc::new),
                    None => Err(Fault::internal()),
                };
                vec![applied; count]
            }
        })
    }

    /// Brings decisions into force: those that were newer than what was there. `position` is that of a follower, stored
    /// with them.
    pub async fn apply_now(&self, decided: Vec<Code>, position: Option<Position>) -> Result<Changed, Fault> {
        let mut decided = newest(decided);
        let known = self.versions(&decided).await?;
        let newer = |code: &Code| {
            #[cfg(feature = "failpoints")]
            if lutong_failpoint::broken(Broken::UnguardedVersion) {
                return true;
            }
            let version = known.get(&code.subject);
            version.is_none_or(|version| *version < code.version)
        };
        decided.retain(newer);
        // What was read was committed: a repeated decision is in force, and costs no write.
        if decided.is_empty() && position.is_none() {
            return Ok(Changed::new());
        }
        let changed: Changed = decided.iter().map(|code| (code.subject, code.version)).collect();
        let subjects: Vec<_> = decided.iter().map(|code| code.subject).collect();
        let new: Vec<_> = subjects
            .iter()
            .filter(|subject| !known.contains_key(subject))
            .copied()
            .collect();
        let mut masks = self.masks_for_new(&new).await;
        let cipher = self.0.fields.ready().await?;
        let rows = decided
            .into_iter()
            .map(|code| {
                let mask = masks.remove(&code.subject);
                let sealed_mask = mask
                    .map(|mask| cipher.encrypt(mask.as_bytes(), &context(code.subject)))
                    .transpose()?;
                Ok(StoredCode { code, sealed_mask })
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let writing = self.writing(subjects);
        let database = self.0.database.clone();
        // A task of its own: when the caller goes, the rows must stay out of memory until the commit all the same.
        let write = tokio::spawn(async move {
            let written: Result<(), StorageError> = database
                .write(move |transaction| {
                    async move {
                        codes::upsert_newer(transaction, rows).await?;
                        if let Some(position) = position {
                            position.advance(transaction).await?;
                        }
                        Ok(())
                    }
                    .boxed()
                })
                .await;
            drop(writing);
            written
        });
        write.await.map_err(|_| Fault::internal())??;
        lutong_failpoint::hit("code_rendering.committed");
        Ok(changed)
    }

    fn writing(&self, subjects: Vec<SubjectId>) -> Option<Writing> {
        self.0.memory.as_ref().map(|memory| memory.writing(subjects))
    }

    async fn versions(&self, decided: &[Code]) -> Result<HashMap<SubjectId, i64>, Fault> {
        if decided.is_empty() {
            return Ok(HashMap::new());
        }
        let subjects: Vec<_> = decided.iter().map(|code| code.subject).collect();
        let known = codes::find_all(self.0.database.reader(), &subjects).await?;
        Ok(known
            .into_iter()
            .map(|stored| (stored.code.subject, stored.code.version))
            .collect())
    }

    /// Masks of subjects that have no code yet. A code goes into force without one rather than wait.
    async fn masks_for_new(&self, new: &[SubjectId]) -> HashMap<SubjectId, String> {
        if new.is_empty() {
            return HashMap::new();
        }
        match self.0.masks.get(new).await {
            Ok(masks) => masks,
            Err(fault) => {
                tracing::info!(codes = new.len(), %fault, "codes go into force without a name mask; it is fetched when shown");
                HashMap::new()
            }
        }
    }

    /// Asks identity once more for the mask that a code lacks, and keeps it.
    pub async fn fetch_mask(&self, subject: SubjectId) -> Option<Mask> {
        let mask = match self.0.masks.get(&[subject]).await {
            Ok(mut masks) => Mask::try_new(&masks.remove(&subject)?).ok()?,
            Err(fault) => {
                tracing::info!(%subject, %fault, "a code is shown without a name mask");
                return None;
            }
        };
        if let Err(fault) = self.keep_mask(subject, &mask).await {
            tracing::warn!(%subject, %fault, "a name mask was not kept; the next showing asks again");
        }
        Some(mask)
    }

    async fn keep_mask(&self, subject: SubjectId, mask: &Mask) -> Result<(), Fault> {
        let cipher = self.0.fields.ready().await?;
        let sealed = cipher.encrypt(mask.expose().as_bytes(), &context(subject))?;
        let (writing, database) = (self.writing(vec![subject]), self.0.database.clone());
        let write = tokio::spawn(async move {
            let written: Result<(), StorageError> = database
                .write(move |transaction| {
                    async move { codes::set_mask(transaction, subject, sealed).await }.boxed()
                })
                .await;
            drop(writing);
            written
        });
        Ok(write.await.map_err(|_| Fault::internal())??)
    }
}

fn open(cipher: &ReadyCipher, stored: StoredCode) -> Result<ShownCode, Fault> {
    let StoredCode { code, sealed_mask } = stored;
    let mask = sealed_mask
        .map(|sealed| cipher.decrypt_text(&sealed, &context(code.subject)))
        .transpose()?;
    let mask = mask
        .map(|mask| Mask::try_new(&mask))
        .transpose()
        .map_err(|error| {
            tracing::error!(subject = %code.subject, %error, "a stored name mask is none");
            Fault::internal()
        })?;
    Ok(ShownCode { code, mask })
}
