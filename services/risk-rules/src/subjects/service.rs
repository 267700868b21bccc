//! Subjects that a transaction has locked, with their current facts.

use std::collections::{BTreeMap, BTreeSet};

use lutong_kernel::{Fault, SubjectId, Timestamp};
use lutong_risk_engine::packed::PackedFact;
use lutong_risk_engine::set_digest::SetDigest;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;

use super::store::{self, SubjectRow, rosters};
use crate::fault::facts;

/// Maximum number of current facts of one subject.
const MAX_FACTS: usize = 5_000;

/// A subject that a transaction has locked, with its current facts.
#[derive(Debug)]
pub struct LockedSubject {
    pub row: SubjectRow,
    pub facts: Vec<PackedFact>,
    /// Whether the facts have changed and have to be packed before the row is saved.
    pub repack: bool,
}

impl LockedSubject {
    pub fn open(row: SubjectRow, cipher: &ReadyCipher) -> Result<Self, Fault> {
        let mut facts = Vec::new();
        row.open(cipher, &mut facts)?;
        Ok(Self {
            row,
            facts,
            repack: false,
        })
    }

    /// A subject about whom nothing is known yet.
    pub fn new(subject: SubjectId) -> Self {
        Self {
            row: SubjectRow::new(subject),
            facts: Vec::new(),
            repack: false,
        }
    }
}

/// Locks `subjects` until the end of the transaction, including those without a row.
pub async fn lock(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subjects: BTreeSet<SubjectId>,
) -> Result<BTreeMap<SubjectId, LockedSubject>, Fault> {
    let wanted: Vec<SubjectId> = subjects.into_iter().collect();
    let mut locked = BTreeMap::new();
    for row in store::lock(transaction, &wanted).await? {
        locked.insert(row.subject, LockedSubject::open(row, cipher)?);
    }
    for subject in wanted {
        locked
            .entry(subject)
            .or_insert_with(|| LockedSubject::new(subject));
    }
    Ok(locked)
}

/// Enrols the locked subjects of `enrol` that are not enrolled yet, counts them in the roster and returns them.
pub async fn enrol(
    transaction: &DatabaseTransaction,
    locked: &mut BTreeMap<SubjectId, LockedSubject>,
    enrol: &[SubjectId],
    now: Timestamp,
) -> Result<BTreeSet<SubjectId>, Fault> {
    let is_new = |subject: &&SubjectId| {
        locked
            .get(subject)
            .is_some_and(|locked| locked.row.enrolled_at.is_none())
    };
    let new: BTreeSet<SubjectId> = enrol.iter().filter(is_new).copied().collect();
    if new.is_empty() {
        return Ok(new);
    }
    let roster = rosters::enrol(transaction, &SetDigest::of(new.iter().copied())).await?;
    for subject in &new {
        if let Some(locked) = locked.get_mut(subject) {
            (locked.row.enrolled_at, locked.row.roster) = (Some(now), Some(roster));
        }
    }
    Ok(new)
}

/// Saves the rows and packs the facts that have changed.
pub async fn save(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    locked: &mut [LockedSubject],
) -> Result<(), Fault> {
    let mut rows: Vec<&SubjectRow> = Vec::new();
    for LockedSubject { row, facts, repack } in locked {
        if *repack {
            if facts.len() > MAX_FACTS {
                return Err(facts::too_many_facts(row.subject, MAX_FACTS));
            }
            row.seal(cipher, facts)?;
        }
        rows.push(row);
    }
    Ok(store::save(transaction, rows).await?)
}
