//! Brings decisions into force and reads the codes in force.

mod follower;
mod memory;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_failpoint::Broken;
use lutong_kernel::{Clock, Colour, Fault, SubjectId, Timestamp};
use lutong_storage::batch::{Batcher, RowReader};
use lutong_storage::crypto::{FieldCipher, ReadyCipher};
use lutong_storage::outbox::{NewEvent, Outbox, Position};
use lutong_storage::{Database, Engine, StorageError};
use lutong_token::Mask;

use self::memory::{Memory, WriteGuard};
use super::domain::{Code, MaskedCode, newest};
use super::store::{self, StoredCode};
use crate::events;
use crate::issued_codes::store as issued_codes;
use crate::peers::identity::IdentityMasks;

pub use self::follower::DecisionFollower;

/// Codes that a call changed, by subject and new version.
pub type ChangedCodes = HashSet<(SubjectId, i64)>;

/// Gathers concurrent calls and applies them in one transaction.
type ApplyBatcher = Batcher<Vec<Code>, Result<Arc<ChangedCodes>, Fault>>;

/// A call of more decisions has a transaction of its own.
const MAX_GATHERED_DECISIONS: usize = 4;
/// Calls that one transaction applies at the most.
const MAX_BATCHED_CALLS: usize = 256;

/// All codes; cheap to clone.
#[derive(Clone)]
pub struct Codes(Arc<Inner>);

struct Inner {
    database: Database,
    fields: FieldCipher,
    reader: RowReader<SubjectId, StoredCode>,
    memory: Option<Arc<Memory>>,
    masks: IdentityMasks,
    clock: Arc<dyn Clock>,
    outbox: Outbox,
    batcher: OnceLock<ApplyBatcher>,
}

fn reader(database: Database) -> RowReader<SubjectId, StoredCode> {
    RowReader::start(move |subjects| {
        let database = database.clone();
        async move {
            let found = store::find_all(database.reader(), &subjects).await?;
            Ok(found.into_iter().map(|row| (row.code.subject, row)).collect())
        }
    })
}

fn context(subject: SubjectId) -> Vec<u8> {
    format!("codes/mask/{subject}").into_bytes()
}

impl Codes {
    pub fn new(store: &Store, foundation: &Foundation, masks: IdentityMasks, outbox: Outbox) -> Self {
        let database = store.database.clone();
        // Only this process writes to its SQLite file; to a PostgreSQL database other replicas write, too.
        let is_only_writer = database.engine() == Engine::Sqlite;
        let use_memory = is_only_writer || lutong_failpoint::broken(Broken::StaleMemory);
        let memory = use_memory.then(Memory::new);
        Self(Arc::new(Inner {
            reader: reader(database.clone()),
            fields: store.fields.clone(),
            database,
            memory,
            masks,
            clock: Arc::clone(&foundation.clock),
            outbox,
            batcher: OnceLock::new(),
        }))
    }

    /// The code of a subject that is in force now.
    pub async fn find(&self, subject: SubjectId) -> Result<Option<Arc<MaskedCode>>, Fault> {
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

    /// The colours in force of these people; `None` for a code that is being decided anew, nothing for somebody who has none.
    pub async fn colours(&self, subjects: &[SubjectId]) -> Result<HashMap<SubjectId, Option<Colour>>, Fault> {
        let now = self.0.clock.now();
        let stored = store::find_all(self.0.database.reader(), subjects).await?;
        let colour = |code: &Code| (!code.awaits_decision(now)).then_some(code.colour);
        Ok(stored
            .iter()
            .map(|stored| (stored.code.subject, colour(&stored.code)))
            .collect())
    }

    /// Brings decisions into force, in one transaction with the small calls that wait meanwhile. Returns how many of `decided` changed a
    /// code.
    pub async fn apply(&self, decided: Vec<Code>) -> Result<u64, Fault> {
        let own: ChangedCodes = decided.iter().map(|code| (code.subject, code.version)).collect();
        let changed = if decided.len() > MAX_GATHERED_DECISIONS {
            Arc::new(self.apply_now(decided, None).await?)
        } else {
            let batcher = self.0.batcher.get_or_init(|| self.gather());
            batcher.call(decided).await??
        };
        Ok(own.intersection(&changed).count() as u64)
    }

    fn gather(&self) -> ApplyBatcher {
        // Weak: `Inner` owns the batcher, whose worker would otherwise own `Inner`.
        let inner = Arc::downgrade(&self.0);
        Batcher::start(MAX_BATCHED_CALLS, 1, move |calls: Vec<Vec<Code>>| {
            let inner = inner.clone();
            async move {
                let count = calls.len();
                let applied = match inner.upgrade() {
                    Some(inner) => Self(inner).apply_now(calls.concat(), None).await.map(Arc::new),
                    None => Err(Fault::internal("the service has ended")),
                };
                vec![applied; count]
            }
        })
    }

    /// Brings those of `decided` into force that are newer than the stored codes, revokes the issued codes of another colour, and returns
    /// the decisions. Whose colour is another than before is said in the event log. The `position` of a follower is
    /// stored in the same transaction.
    pub async fn apply_now(
        &self,
        decided: Vec<Code>,
        position: Option<Position>,
    ) -> Result<ChangedCodes, Fault> {
        let mut decided = newest(decided);
        let known = self.known(&decided).await?;
        let newer = |code: &Code| {
            if lutong_failpoint::broken(Broken::UnguardedVersion) {
                return true;
            }
            let stored = known.get(&code.subject);
            stored.is_none_or(|stored| stored.version < code.version)
        };
        decided.retain(newer);
        // The versions that were read are committed: repeated decisions are in force already and need no write.
        if decided.is_empty() && position.is_none() {
            return Ok(ChangedCodes::new());
        }
        let changed: ChangedCodes = decided.iter().map(|code| (code.subject, code.version)).collect();
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
        let writing = self.writing(subjects.clone());
        let (database, now) = (self.0.database.clone(), self.0.clock.now());
        let turned = turned(&known, &rows, now);
        let is_told = !turned.is_empty();
        let turned = self.0.outbox.seal(now, turned).await?;
        // A task of its own: even when the caller is cancelled, the guard must keep the rows out of memory until the commit.
        let write = tokio::spawn(async move {
            let written: Result<(), StorageError> = database
                .write(move |transaction| {
                    async move {
                        store::upsert_newer(transaction, rows).await?;
                        issued_codes::revoke_differing(transaction, &subjects, now).await?;
                        turned.append(transaction).await?;
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
        write.await.map_err(|_| write_ended())??;
        // Most decisions change no colour: the relay has nothing to look for then.
        if is_told {
            self.0.outbox.wake();
        }
        lutong_failpoint::hit("code_rendering.committed");
        Ok(changed)
    }

    fn writing(&self, subjects: Vec<SubjectId>) -> Option<WriteGuard> {
        self.0.memory.as_ref().map(|memory| memory.writing(subjects))
    }

    /// The codes in force of the subjects of `decided`.
    async fn known(&self, decided: &[Code]) -> Result<HashMap<SubjectId, Code>, Fault> {
        if decided.is_empty() {
            return Ok(HashMap::new());
        }
        let subjects: Vec<_> = decided.iter().map(|code| code.subject).collect();
        let known = store::find_all(self.0.database.reader(), &subjects).await?;
        Ok(known
            .into_iter()
            .map(|stored| (stored.code.subject, stored.code))
            .collect())
    }

    /// Masks of subjects that have no code yet. Without an answer of identity the code goes into force without a mask.
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

    /// Asks identity again for the mask that a code lacks, and stores it.
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
                    async move { store::set_mask(transaction, subject, sealed).await }.boxed()
                })
                .await;
            drop(writing);
            written
        });
        Ok(write.await.map_err(|_| write_ended())??)
    }
}

/// The panic hook has logged where, and the payload of a panic is not logged.
fn write_ended() -> Fault {
    Fault::internal("a task that stores codes panicked or was cancelled")
}

/// Says of whom a code of another colour than before is in force. The first code of a subject is no change.
fn turned(known: &HashMap<SubjectId, Code>, rows: &[StoredCode], now: Timestamp) -> Vec<NewEvent> {
    let has_turned = |code: &&Code| {
        let before = known.get(&code.subject);
        before.is_some_and(|before| before.colour != code.colour)
    };
    let codes = rows.iter().map(|row| &row.code).filter(has_turned);
    codes.map(|code| events::code_changed(code, now)).collect()
}

fn open(cipher: &ReadyCipher, stored: StoredCode) -> Result<MaskedCode, Fault> {
    let StoredCode { code, sealed_mask } = stored;
    let mask = sealed_mask
        .map(|sealed| cipher.decrypt_text(&sealed, &context(code.subject)))
        .transpose()?;
    let mask = mask
        .map(|mask| Mask::try_new(&mask))
        .transpose()
        .map_err(|error| {
            let subject = code.subject;
            Fault::internal(format_args!(
                "the stored name mask of {subject} is damaged: {error}"
            ))
        })?;
    Ok(MaskedCode { code, mask })
}
