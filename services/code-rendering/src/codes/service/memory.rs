//! A cache of code rows for a process that is the only writer of its database.
//!
//! A writer removes the rows of its subjects before it commits, and nobody may insert them again until the commit: a reader that
//! read the database before the commit must not leave the older row in the cache after it.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lutong_failpoint::Broken;
use lutong_kernel::SubjectId;

use crate::codes::domain::MaskedCode;

const SHARDS: usize = 64;
/// Rows of a shard. A full shard is cleared.
const MAX_ROWS: usize = 4_096;

#[derive(Default)]
struct Shard {
    rows: HashMap<SubjectId, Arc<MaskedCode>>,
    /// Running writes.
    writers: usize,
    /// Grows when a write begins and when it ends.
    epoch: u64,
}

pub struct Memory {
    shards: [Mutex<Shard>; SHARDS],
    hasher: std::hash::RandomState,
}

/// Permission to insert a row that is read from now on. It is void once a write of the shard has begun.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(Option<u64>);

/// A running write. While it exists no row of its subjects is in the cache; it is dropped after the commit.
pub struct WriteGuard {
    memory: Arc<Memory>,
    subjects: Vec<SubjectId>,
}

impl Memory {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: std::hash::RandomState::new(),
        })
    }

    fn shard(&self, subject: SubjectId) -> MutexGuard<'_, Shard> {
        #[allow(clippy::cast_possible_truncation)] // only the low bits matter
        let index = self.hasher.hash_one(subject) as usize % SHARDS;
        // No code under this lock can panic, so that a poisoned shard is consistent.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get(&self, subject: SubjectId) -> Result<Arc<MaskedCode>, Ticket> {
        let shard = self.shard(subject);
        match shard.rows.get(&subject) {
            Some(row) => Ok(Arc::clone(row)),
            None => Err(Ticket((shard.writers == 0).then_some(shard.epoch))),
        }
    }

    pub fn put(&self, ticket: Ticket, row: &Arc<MaskedCode>) {
        let mut shard = self.shard(row.code.subject);
        if shard.writers == 0 && ticket.0 == Some(shard.epoch) {
            if shard.rows.len() >= MAX_ROWS {
                shard.rows.clear();
            }
            shard.rows.insert(row.code.subject, Arc::clone(row));
        }
    }

    pub fn writing(self: &Arc<Self>, subjects: Vec<SubjectId>) -> WriteGuard {
        for subject in &subjects {
            let mut shard = self.shard(*subject);
            if !lutong_failpoint::broken(Broken::StaleMemory) {
                shard.rows.remove(subject);
            }
            shard.writers += 1;
            shard.epoch += 1;
        }
        WriteGuard {
            memory: Arc::clone(self),
            subjects,
        }
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        for subject in &self.subjects {
            let mut shard = self.memory.shard(*subject);
            shard.writers -= 1;
            shard.epoch += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::domain::Code;
    use lutong_kernel::random::SeededRandom;
    use lutong_kernel::{Colour, DecisionId, Timestamp};

    fn row(version: i64) -> Arc<MaskedCode> {
        let start = Timestamp::from_seconds(0);
        Arc::new(MaskedCode {
            code: Code {
                subject: SubjectId::new(start, &SeededRandom::new(1)),
                decision: DecisionId::new(start, &SeededRandom::new(2)),
                colour: Colour::Green,
                version,
                evaluated_at: start,
                next_change_at: None,
            },
            mask: None,
        })
    }

    #[test]
    fn a_row_that_was_read_is_remembered_until_somebody_writes() {
        let (memory, row) = (Memory::new(), row(1));
        let subject = row.code.subject;
        memory.put(memory.get(subject).unwrap_err(), &row);
        assert_eq!(memory.get(subject).unwrap().code.version, 1);
        drop(memory.writing(vec![subject]));
        assert!(memory.get(subject).is_err());
    }

    #[test]
    fn a_row_read_before_a_commit_is_not_put_back_during_or_after_it() {
        let (memory, old) = (Memory::new(), row(1));
        let subject = old.code.subject;
        let before = memory.get(subject).unwrap_err();
        let writing = memory.writing(vec![subject]);
        let during = memory.get(subject).unwrap_err();
        memory.put(before, &old);
        memory.put(during, &old);
        assert!(memory.get(subject).is_err());
        drop(writing);
        memory.put(before, &old);
        memory.put(during, &old);
        assert!(memory.get(subject).is_err());
        memory.put(memory.get(subject).unwrap_err(), &row(2));
        assert_eq!(memory.get(subject).unwrap().code.version, 2);
    }
}
