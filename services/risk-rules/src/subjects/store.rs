//! Subjects as stored: one row with the packed current facts and the standing of the latest decision.

pub mod rosters;
pub mod scan;

use std::collections::{BTreeMap, HashSet};

use lutong_kernel::{Colour, DivisionCode, Fault, SubjectId, Timestamp};
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::column::{read_division, read_subject, subject_bytes};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::rows::{Insert, OnDuplicate};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use crate::history::domain::{BEGINNING, Entry};
use crate::recomparisons::domain::StandingVerdict;
use lutong_risk_engine::evaluate::Verdict;
use lutong_risk_engine::packed::{self, PackedFact};
use lutong_risk_engine::rule_set::RuleMask;
use subject::{Column, Entity, Model};

/// The table `subjects`.
pub mod subject {
    use sea_orm::entity::prelude::*;

    /// A subject about whom anything is known: its current facts, packed, and the standing of its latest decision. An evaluation and
    /// a comparison read this row only.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "subjects")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// When the first declaration arrived; absent if only feeds have reported about the subject.
        pub enrolled_at: Option<i64>,
        /// The row of `rosters` that counts the subject.
        pub roster: Option<i64>,
        /// Current facts, packed and encrypted; absent if there are none.
        pub facts: Option<Vec<u8>>,
        /// The instant of the latest statement or decision, which later ones follow; 0 if there is none.
        pub latest_at: i64,
        /// The version of the latest decision; 0 if there is none, and then the following columns have no meaning.
        pub version: i64,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        /// The cited rules, one bit each.
        pub rules: i64,
        /// `rule_sets.number`.
        pub rule_set: i64,
        pub next_change_at: Option<i64>,
        /// First bytes of the SHA-256 of the stored citations.
        pub cited: i64,
        /// The salt of the chain key; absent before the first decision and after erasure.
        pub salt: Option<Vec<u8>>,
        /// The last entry of the chain.
        pub head: Option<Vec<u8>>,
        /// The division of residence (six digits), as published by identity.
        pub division: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows in one statement: below the limits of 32,766 parameters of SQLite and 65,535 of PostgreSQL.
const CHUNK: usize = 2_000;

/// The stored state of a subject.
#[derive(Debug, Clone)]
pub struct SubjectRow {
    pub subject: SubjectId,
    pub enrolled_at: Option<Timestamp>,
    pub roster: Option<i64>,
    /// Current facts, packed and encrypted.
    pub sealed: Option<Vec<u8>>,
    pub latest_at: Timestamp,
    /// 0: there is no decision yet.
    pub version: i64,
    /// The verdict of the latest decision.
    pub verdict: Verdict,
    pub rule_set: i64,
    pub cited: i64,
    pub salt: Option<Vec<u8>>,
    pub head: Entry,
}

impl SubjectRow {
    /// The state of a subject about whom nothing is known.
    pub const fn new(subject: SubjectId) -> Self {
        Self {
            subject,
            enrolled_at: None,
            roster: None,
            sealed: None,
            latest_at: Timestamp::from_micros(0),
            version: 0,
            verdict: Verdict {
                colour: Colour::Green,
                rules: RuleMask::from_number(0),
                next_change_at: None,
            },
            rule_set: 0,
            cited: 0,
            salt: None,
            head: BEGINNING,
        }
    }

    /// The verdict of the latest decision with its rule set.
    pub const fn standing(&self) -> StandingVerdict {
        StandingVerdict {
            verdict: self.verdict,
            rule_set: self.rule_set,
        }
    }

    /// Decrypts and unpacks the current facts into `facts`.
    pub fn open(&self, cipher: &ReadyCipher, facts: &mut Vec<PackedFact>) -> Result<(), Fault> {
        facts.clear();
        match &self.sealed {
            None => Ok(()),
            Some(sealed) => {
                let row = cipher.decrypt(sealed, &facts_context(self.subject))?;
                packed::unpack(&row, facts).map_err(|_| damaged("facts").into())
            }
        }
    }

    /// Packs and encrypts the current facts.
    pub fn seal(&mut self, cipher: &ReadyCipher, facts: &[PackedFact]) -> Result<(), Fault> {
        self.sealed = if facts.is_empty() {
            None
        } else {
            Some(cipher.encrypt(&packed::pack(facts), &facts_context(self.subject))?)
        };
        Ok(())
    }
}

/// The associated data of a subject's packed facts.
fn facts_context(subject: SubjectId) -> [u8; 31] {
    let mut context = *b"subjects/facts/0000000000000000";
    context[15..].copy_from_slice(subject.uuid().as_bytes());
    context
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("subjects.{what}"))
}

impl TryFrom<Model> for SubjectRow {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let colour = u8::try_from(row.colour).ok().and_then(Colour::from_wire_code);
        let head = row.head.map(Entry::try_from).transpose();
        Ok(Self {
            subject: read_subject(&row.subject_id, "subjects.subject_id")?,
            enrolled_at: row.enrolled_at.map(Timestamp::from_micros),
            roster: row.roster,
            sealed: row.facts,
            latest_at: Timestamp::from_micros(row.latest_at),
            version: row.version,
            verdict: Verdict {
                colour: colour.ok_or_else(|| damaged("colour"))?,
                rules: RuleMask::from_number(row.rules),
                next_change_at: row.next_change_at.map(Timestamp::from_micros),
            },
            rule_set: row.rule_set,
            cited: row.cited,
            salt: row.salt,
            head: head.map_err(|_| damaged("head"))?.unwrap_or(BEGINNING),
        })
    }
}

const SAVE: Insert = Insert {
    table: "subjects",
    columns: &[
        ("subject_id", Kind::Bytes),
        ("enrolled_at", Kind::Number),
        ("roster", Kind::Number),
        ("facts", Kind::Bytes),
        ("latest_at", Kind::Number),
        ("version", Kind::Number),
        ("colour", Kind::Number),
        ("rules", Kind::Number),
        ("rule_set", Kind::Number),
        ("next_change_at", Kind::Number),
        ("cited", Kind::Number),
        ("salt", Kind::Bytes),
        ("head", Kind::Bytes),
    ],
    on_duplicate: OnDuplicate::Replace,
};

/// Inserts rows of new subjects; existing rows are kept.
const NEW: Insert = Insert {
    on_duplicate: OnDuplicate::Keep,
    ..SAVE
};

impl SubjectRow {
    /// The values in the order of the columns.
    fn cells(&self) -> [Cell<'_>; 13] {
        [
            Cell::Id(Some(self.subject.uuid())),
            Cell::Number(self.enrolled_at.map(Timestamp::micros)),
            Cell::Number(self.roster),
            Cell::Bytes(self.sealed.as_deref()),
            Cell::Number(Some(self.latest_at.micros())),
            Cell::Number(Some(self.version)),
            Cell::Number(Some(i64::from(self.verdict.colour.wire_code()))),
            Cell::Number(Some(self.verdict.rules.number())),
            Cell::Number(Some(self.rule_set)),
            Cell::Number(self.verdict.next_change_at.map(Timestamp::micros)),
            Cell::Number(Some(self.cited)),
            Cell::Bytes(self.salt.as_deref()),
            Cell::Bytes((self.version > 0).then_some(&self.head)),
        ]
    }
}

fn cells<'a>(rows: impl IntoIterator<Item = &'a SubjectRow>) -> Vec<[Cell<'a>; 13]> {
    rows.into_iter().map(SubjectRow::cells).collect()
}

/// The rows of `subjects` (sorted), locked until the end of the transaction, so that changes of one subject are serialised. On
/// PostgreSQL missing rows are inserted first, since only existing rows can be locked; SQLite has a single writer.
pub async fn lock(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
) -> Result<Vec<SubjectRow>, StorageError> {
    let mut locked = Vec::with_capacity(subjects.len());
    for chunk in subjects.chunks(CHUNK) {
        let backend = transaction.get_database_backend();
        let keys = chunk.iter().map(|subject| subject_bytes(*subject));
        let wanted = Entity::find().filter(one_of(Column::SubjectId, backend, keys.collect()));
        let mut rows = wanted.clone().order_by_asc(Column::SubjectId);
        if backend == DbBackend::Postgres {
            let there = wanted.select_only().column(Column::SubjectId).into_tuple();
            let there: HashSet<Vec<u8>> = there.all(transaction).await?.into_iter().collect();
            let new = chunk
                .iter()
                .filter(|subject| !there.contains(&subject.uuid().as_bytes()[..]));
            let new: Vec<_> = new.copied().map(SubjectRow::new).collect();
            NEW.rows(transaction, &cells(&new)).await?;
            rows = rows.lock(LockType::Update);
        }
        for row in rows.all(transaction).await? {
            locked.push(SubjectRow::try_from(row)?);
        }
    }
    Ok(locked)
}

pub async fn find(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<Option<SubjectRow>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject)).one(connection).await?;
    row.map(SubjectRow::try_from).transpose()
}

/// The known divisions of residence of `subjects`.
pub async fn homes(
    connection: &impl ConnectionTrait,
    subjects: impl IntoIterator<Item = SubjectId>,
) -> Result<Vec<DivisionCode>, StorageError> {
    let found: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Division)
        .filter(Column::SubjectId.is_in(subjects.into_iter().map(subject_bytes)))
        .filter(Column::Division.is_not_null())
        .into_tuple()
        .all(connection)
        .await?;
    let home = |number| read_division(number, "subjects.division");
    found.into_iter().map(home).collect()
}

/// Stores the state of subjects.
pub async fn save(
    transaction: &DatabaseTransaction,
    rows: impl IntoIterator<Item = &SubjectRow>,
) -> Result<(), StorageError> {
    SAVE.rows(transaction, &cells(rows)).await
}

/// Stores the division of residence of people, also of subjects about whom nothing else is known.
pub async fn place(
    transaction: &DatabaseTransaction,
    homes: &BTreeMap<SubjectId, DivisionCode>,
) -> Result<(), StorageError> {
    let unknown: Vec<_> = homes.keys().copied().map(SubjectRow::new).collect();
    NEW.rows(transaction, &cells(&unknown)).await?;
    // Locked in the common order, so that no deadlock can occur.
    let subjects: Vec<_> = homes.keys().copied().collect();
    lock(transaction, &subjects).await?;
    let mut living: BTreeMap<DivisionCode, Vec<Vec<u8>>> = BTreeMap::new();
    for (subject, division) in homes {
        living.entry(*division).or_default().push(subject_bytes(*subject));
    }
    for (division, keys) in living {
        Entity::update_many()
            .col_expr(Column::Division, Expr::value(i64::from(division.number())))
            .filter(one_of(
                Column::SubjectId,
                transaction.get_database_backend(),
                keys,
            ))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

/// Rows of subjects with a decision, after `after`, ordered by id.
pub async fn decided(
    connection: &impl ConnectionTrait,
    after: Option<SubjectId>,
    limit: u64,
) -> Result<Vec<SubjectRow>, StorageError> {
    let mut query = Entity::find().filter(Column::Version.gt(0));
    if let Some(after) = after {
        query = query.filter(Column::SubjectId.gt(subject_bytes(after)));
    }
    let rows = query
        .order_by_asc(Column::SubjectId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(SubjectRow::try_from).collect()
}

/// Subjects whose next change is due by `now`, the longest overdue first.
pub async fn due(
    connection: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let found: Vec<Vec<u8>> = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::NextChangeAt.lte(now.micros()))
        .order_by_asc(Column::NextChangeAt)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    found
        .iter()
        .map(|bytes| read_subject(bytes, "subjects.subject_id"))
        .collect()
}
