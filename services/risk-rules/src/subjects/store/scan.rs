//! Scans of all subjects, part by part. A part is a hash partition on PostgreSQL and a range of keys on SQLite. Each part is read in
//! one snapshot, and a subject never changes its part.

use lutong_kernel::{Colour, SubjectId, Timestamp};
use lutong_storage::crypto::ReadyCipher;
use lutong_storage::{CopyRow, Database, Engine, SqliteRow, StorageError};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QuerySelect as _, Select};
use uuid::Uuid;

use super::facts_context;
use super::subject::{Column, Entity};
use crate::recomparisons::domain::StandingVerdict;
use lutong_risk_engine::evaluate::Verdict;
use lutong_risk_engine::packed::{self, PackedFact};
use lutong_risk_engine::rule_set::RuleMask;

/// Number of parts; the table has as many partitions on PostgreSQL.
pub const PARTS: u8 = 16;

/// The part of a subject's row that a comparison reads.
#[derive(Debug, Clone, Copy)]
pub struct ScannedRow<'a> {
    pub subject: SubjectId,
    /// The row of `rosters` that counts the subject; `None`: the subject is not enrolled.
    pub roster: Option<i64>,
    /// Packed and encrypted.
    pub facts: Option<&'a [u8]>,
    pub standing: StandingVerdict,
    pub latest_at: Timestamp,
    /// The division of residence (six digits); `None` if it is unknown or was not requested.
    pub division: Option<u32>,
}

/// Opens the facts of rows one after the other, in buffers that it keeps.
pub struct FactsReader {
    cipher: ReadyCipher,
    plain: Vec<u8>,
    facts: Vec<PackedFact>,
}

impl FactsReader {
    pub const fn new(cipher: ReadyCipher) -> Self {
        Self {
            cipher,
            plain: Vec::new(),
            facts: Vec::new(),
        }
    }

    pub fn open(&mut self, row: &ScannedRow<'_>) -> Result<&[PackedFact], StorageError> {
        self.facts.clear();
        if let Some(sealed) = row.facts {
            let damaged = || StorageError::Damaged(format!("subjects.facts of {}", row.subject));
            self.cipher
                .decrypt_into(sealed, &facts_context(row.subject), &mut self.plain)
                .map_err(|_| damaged())?;
            packed::unpack(&self.plain, &mut self.facts).map_err(|_| damaged())?;
        }
        Ok(&self.facts)
    }
}

/// The columns that a scan reads; every additional column slows it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanColumns {
    Comparison,
    WithDivision,
}

/// The columns of a comparison, in the order of reading.
const COLUMNS: &str = "subject_id, roster, facts, colour, rules, rule_set, next_change_at, latest_at";

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("subjects.{what}"))
}

/// The values of one row, independent of the engine.
struct Columns<'a> {
    subject: &'a [u8],
    roster: Option<i64>,
    facts: Option<&'a [u8]>,
    colour: i64,
    rules: i64,
    rule_set: i64,
    next_change_at: Option<i64>,
    latest_at: i64,
    division: Option<i64>,
}

impl<'a> Columns<'a> {
    fn row(self) -> Result<ScannedRow<'a>, StorageError> {
        let id: [u8; 16] = self.subject.try_into().map_err(|_| damaged("subject_id"))?;
        let colour = u8::try_from(self.colour).ok().and_then(Colour::from_wire_code);
        Ok(ScannedRow {
            subject: SubjectId::from_uuid(Uuid::from_bytes(id)),
            roster: self.roster,
            facts: self.facts,
            standing: StandingVerdict {
                verdict: Verdict {
                    colour: colour.ok_or_else(|| damaged("colour"))?,
                    rules: RuleMask::from_number(self.rules),
                    next_change_at: self.next_change_at.map(Timestamp::from_micros),
                },
                rule_set: self.rule_set,
            },
            latest_at: Timestamp::from_micros(self.latest_at),
            division: self.division.and_then(|division| u32::try_from(division).ok()),
        })
    }
}

fn copied(mut row: CopyRow<'_>, columns: ScanColumns) -> Result<ScannedRow<'_>, StorageError> {
    let columns = Columns {
        subject: row.bytes()?.ok_or_else(|| damaged("subject_id"))?,
        roster: row.bigint()?,
        facts: row.bytes()?,
        colour: i64::from(row.integer()?.ok_or_else(|| damaged("colour"))?),
        rules: row.bigint()?.ok_or_else(|| damaged("rules"))?,
        rule_set: row.bigint()?.ok_or_else(|| damaged("rule_set"))?,
        next_change_at: row.bigint()?,
        latest_at: row.bigint()?.ok_or_else(|| damaged("latest_at"))?,
        division: match columns {
            ScanColumns::Comparison => None,
            ScanColumns::WithDivision => row.bigint()?,
        },
    };
    columns.row()
}

fn read<'a>(row: &'a SqliteRow<'_>, columns: ScanColumns) -> Result<ScannedRow<'a>, StorageError> {
    let blob = |column: usize, name| row.get_ref(column)?.as_blob_or_null().map_err(|_| damaged(name));
    let columns = Columns {
        subject: blob(0, "subject_id")?.ok_or_else(|| damaged("subject_id"))?,
        roster: row.get(1)?,
        facts: blob(2, "facts")?,
        colour: row.get(3)?,
        rules: row.get(4)?,
        rule_set: row.get(5)?,
        next_change_at: row.get(6)?,
        latest_at: row.get(7)?,
        division: match columns {
            ScanColumns::Comparison => None,
            ScanColumns::WithDivision => row.get(8)?,
        },
    };
    columns.row()
}

/// One part. Its keys are set on SQLite only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub number: u8,
    /// A half-open range of keys.
    pub keys: Option<(Vec<u8>, Vec<u8>)>,
}

/// Divides all subjects into parts. The parts also cover subjects that are added later.
pub async fn parts(connection: &impl ConnectionTrait, engine: Engine) -> Result<Vec<Part>, StorageError> {
    if engine == Engine::Postgres {
        return Ok((0..PARTS).map(|number| Part { number, keys: None }).collect());
    }
    let end = |column: Select<Entity>| async move {
        let row: Option<Option<Vec<u8>>> = column.into_tuple().one(connection).await?;
        let bytes = row.flatten().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        Ok::<_, StorageError>(bytes.map_or(0, u128::from_be_bytes))
    };
    let first = end(Entity::find()
        .select_only()
        .column_as(Column::SubjectId.min(), "key"))
    .await?;
    let last = end(Entity::find()
        .select_only()
        .column_as(Column::SubjectId.max(), "key"))
    .await?;
    // Ids ascend with time, so that ranges of equal length contain about the same number of subjects.
    let step = (last - first) / u128::from(PARTS);
    let from = |number: u8| match number {
        0 => Vec::new(),
        // Longer than any key and therefore greater than all of them.
        PARTS => vec![u8::MAX; 17],
        _ => (first + step * u128::from(number)).to_be_bytes().to_vec(),
    };
    let part = |number| Part {
        number,
        keys: Some((from(number), from(number + 1))),
    };
    Ok((0..PARTS).map(part).collect())
}

/// Passes every row of a part to `each`, together with `state`, and returns the state.
pub async fn read_part<T: Send + 'static>(
    database: &Database,
    part: &Part,
    columns: ScanColumns,
    mut state: T,
    mut each: impl FnMut(&mut T, ScannedRow<'_>) -> Result<(), StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let names = match columns {
        ScanColumns::Comparison => COLUMNS.to_owned(),
        ScanColumns::WithDivision => format!("{COLUMNS}, division"),
    };
    match &part.keys {
        None => {
            let copy = format!(
                "COPY subjects_{} ({names}) TO STDOUT (FORMAT binary)",
                part.number
            );
            database
                .copy_out(&copy, |row| each(&mut state, copied(row, columns)?))
                .await?;
            Ok(state)
        }
        Some((from, until)) => {
            let query = format!(
                "SELECT {names} FROM subjects WHERE subject_id >= ?1 AND subject_id < ?2 ORDER BY subject_id"
            );
            let bounds = vec![from.clone(), until.clone()];
            database
                .read_through(query, bounds, state, move |state, row| {
                    each(state, read(row, columns)?)
                })
                .await
        }
    }
}
