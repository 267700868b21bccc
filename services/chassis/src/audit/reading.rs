//! Reads records and verifies the chain, the head and the seals.

use lutong_kernel::{LocalDay, Timestamp};
use sea_orm::{
    AccessMode, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, IsolationLevel,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, TransactionTrait as _,
};

use super::log::AuditLog;
use super::record::{Head, Record, Seal};
use super::tables::{entry_of, head, record, seal};
use lutong_storage::crypto::{BEGINNING, Entry};
use lutong_storage::{Engine, StorageError};

/// Which records to list; an unset field matches everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub account: String,
    pub rpc: String,
    pub object: String,
    pub outcome: String,
}

/// What is wrong with an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// A record or its entry was changed.
    Changed,
    /// Records before this one are missing.
    Gap,
    /// The log does not end at its head, or the head was changed.
    Head,
    /// A day's seal is missing, was changed, or does not agree with the records.
    Seal(LocalDay),
}

/// The result of verifying a page of records.
#[derive(Debug, Default)]
pub struct ChainCheck {
    pub intact: i64,
    pub breaks: Vec<(i64, Break)>,
    /// Where to continue; `None` at the end.
    pub next: Option<i64>,
}

/// The result of verifying the head and the seals.
#[derive(Debug, Default)]
pub struct EndCheck {
    pub head: Option<Head>,
    pub sealed_days: i64,
    pub breaks: Vec<(i64, Break)>,
}

impl AuditLog {
    /// Records before a sequence, newest first.
    pub async fn list(&self, filter: &Filter, before: i64, limit: u64) -> Result<Vec<Record>, StorageError> {
        use record::Column;
        let mut wanted = Condition::all().add(Column::Id.lt(before));
        if let Some(start) = filter.start {
            wanted = wanted.add(Column::RecordedAt.gte(start.micros()));
        }
        if let Some(end) = filter.end {
            wanted = wanted.add(Column::RecordedAt.lt(end.micros()));
        }
        if !filter.account.is_empty() {
            wanted = wanted.add(Column::Principal.eq(&filter.account));
        }
        if !filter.outcome.is_empty() {
            wanted = wanted.add(Column::Outcome.eq(&filter.outcome));
        }
        if !filter.rpc.is_empty() {
            // RPC names contain neither `%` nor `_`; others were refused before.
            let by_name = Condition::any()
                .add(Column::Rpc.eq(&filter.rpc))
                .add(Column::Rpc.like(format!("%/{}", filter.rpc)));
            wanted = wanted.add(by_name);
        }
        if !filter.object.is_empty() {
            // Ids contain neither `%` nor `"`; a `_` matches any character, which is harmless here.
            wanted = wanted.add(Column::Objects.contains(format!("\",\"{}\"]", filter.object)));
        }
        let rows = record::Entity::find()
            .filter(wanted)
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(self.database.reader())
            .await?;
        Ok(rows.into_iter().map(Record::from).collect())
    }

    /// Verifies the records after a sequence, in order.
    pub async fn check(&self, after: i64, limit: u64) -> Result<ChainCheck, StorageError> {
        use record::Column;
        let reader = self.database.reader();
        let unchained = head_of(reader).await?.map_or(0, |(head, _)| head.unchained);
        let after = after.max(unchained);
        let mut previous = entry_at(reader, after, unchained).await?;
        let rows = record::Entity::find()
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(reader)
            .await?;
        let mut checked = ChainCheck {
            next: (rows.len() as u64 == limit)
                .then(|| rows.last().map(|row| row.id))
                .flatten(),
            ..ChainCheck::default()
        };
        let mut sequence = after;
        for row in rows {
            let stored = row.entry.as_deref().map(entry_of);
            let (id, follows) = (row.id, row.id == sequence + 1);
            let made = previous.map(|previous| self.keys.entry(&previous, &Record::from(row)));
            if !follows {
                checked.breaks.push((id, Break::Gap));
            } else if stored.is_some() && stored == made {
                checked.intact += 1;
            } else {
                checked.breaks.push((id, Break::Changed));
            }
            (sequence, previous) = (id, stored);
        }
        Ok(checked)
    }

    /// Verifies the head and the seals. `known` is a head kept from an earlier check: its record must still exist
    /// unchanged.
    pub async fn check_end(&self, known: Option<(i64, Entry)>) -> Result<EndCheck, StorageError> {
        use record::Column;
        // One snapshot: records are written concurrently.
        let reader = match self.database.engine() {
            Engine::Sqlite => self.database.reader().begin().await?,
            Engine::Postgres => {
                let level = Some(IsolationLevel::RepeatableRead);
                self.database
                    .reader()
                    .begin_with_config(level, Some(AccessMode::ReadOnly))
                    .await?
            }
        };
        let reader = &reader;
        let last = record::Entity::find()
            .order_by_desc(Column::Id)
            .one(reader)
            .await?;
        let Some((head, proof)) = head_of(reader).await? else {
            return Ok(EndCheck {
                breaks: vec![(last.map_or(0, |last| last.id), Break::Head)],
                ..EndCheck::default()
            });
        };
        let mut end = EndCheck::default();
        let stands = last.as_ref().map_or(
            (head.unchained, head.entry) == (head.sequence, BEGINNING),
            |last| {
                let entry = last.entry.as_deref().map_or(BEGINNING, entry_of);
                (last.id, entry) == (head.sequence, head.entry)
            },
        );
        if !stands || head.proof(&self.keys) != proof {
            end.breaks.push((head.sequence, Break::Head));
        }
        if let Some((sequence, entry)) = known
            && entry_at(reader, sequence, head.unchained).await? != Some(entry)
        {
            end.breaks.push((sequence, Break::Head));
        }
        self.check_seals(reader, &head, &mut end).await?;
        end.head = Some(head);
        Ok(end)
    }

    /// Verifies that every seal continues the previous one and matches the records. There is one seal per day.
    async fn check_seals(
        &self,
        reader: &impl ConnectionTrait,
        head: &Head,
        end: &mut EndCheck,
    ) -> Result<(), StorageError> {
        let rows = seal::Entity::find()
            .order_by_asc(seal::Column::Day)
            .all(reader)
            .await?;
        let (mut before, mut sequence) = (BEGINNING, head.unchained);
        let mut last = None;
        for row in rows {
            let (seal, proof) = (Seal::from(&row), entry_of(&row.proof));
            let there = entry_at(reader, seal.sequence, head.unchained).await? == Some(seal.entry);
            let counted = seal.sequence - sequence == seal.records;
            if !there || !counted || seal.proof(&self.keys, &before) != proof {
                end.breaks.push((sequence + 1, Break::Seal(seal.day)));
            }
            end.sealed_days += 1;
            (before, sequence) = (proof, seal.sequence);
            last = Some((seal.day, proof));
        }
        if last != head.sealed
            && let Some((day, _)) = head.sealed.or(last)
        {
            end.breaks.push((sequence + 1, Break::Seal(day)));
        }
        Ok(())
    }

    /// When the first record was written.
    pub(super) async fn first(&self) -> Result<Option<Timestamp>, StorageError> {
        let row = record::Entity::find()
            .order_by_asc(record::Column::Id)
            .one(self.database.reader())
            .await?;
        Ok(row.map(|row| Timestamp::from_micros(row.recorded_at)))
    }
}

async fn head_of(reader: &impl ConnectionTrait) -> Result<Option<(Head, Entry)>, StorageError> {
    let row = head::Entity::find_by_id(1).one(reader).await?;
    Ok(row.map(|row| {
        let proof = entry_of(&row.proof);
        (Head::from(row), proof)
    }))
}

/// The entry of a record; `None` if there is no such record.
async fn entry_at(
    reader: &impl ConnectionTrait,
    sequence: i64,
    unchained: i64,
) -> Result<Option<Entry>, StorageError> {
    if sequence <= unchained {
        return Ok(Some(BEGINNING));
    }
    let row = record::Entity::find_by_id(sequence).one(reader).await?;
    Ok(row.and_then(|row| row.entry).as_deref().map(entry_of))
}
