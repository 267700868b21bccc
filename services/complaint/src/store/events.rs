//! The table `case_events`: the log of each case. Rows are only ever added.

use std::collections::HashMap;

use lutong_kernel::{Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::read_division;
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::case_event::{ActiveModel, Column, Entity, Model};
use crate::domain::log::{Actor, Happening, LogEntry};
use crate::domain::machine::Action;
use crate::domain::tracking::TrackingNumber;

pub mod case_event {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "case_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub event: String,
        pub created_at: i64,
        pub actor: String,
        pub from_state: Option<String>,
        pub to_state: String,
        pub division: Option<i64>,
        pub clock: Option<String>,
        pub planned_at: Option<i64>,
        pub is_shown: bool,
        /// Encrypted.
        pub text: Option<Vec<u8>>,
        pub verdict: Option<String>,
        pub finding: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn context(number: &TrackingNumber, sequence: i64) -> Vec<u8> {
    format!("case_events/text/{number}/{sequence}").into_bytes()
}

/// Adds lines to the log of a case that the transaction has locked; the first has the number `first`.
pub async fn append(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    first: i64,
    entries: &[LogEntry],
) -> Result<(), Fault> {
    let mut rows = Vec::with_capacity(entries.len());
    for (sequence, entry) in (first..).zip(entries) {
        rows.push(row(cipher, number, sequence, entry)?);
    }
    insert(transaction, rows).await
}

/// Adds the first line to the log of each case.
pub async fn append_first(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    entries: &[(TrackingNumber, LogEntry)],
) -> Result<(), Fault> {
    let rows = entries
        .iter()
        .map(|(number, entry)| row(cipher, number, 1, entry));
    insert(transaction, rows.collect::<Result<_, _>>()?).await
}

async fn insert(transaction: &DatabaseTransaction, rows: Vec<ActiveModel>) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(())
}

fn row(
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    sequence: i64,
    entry: &LogEntry,
) -> Result<ActiveModel, CipherError> {
    let text = entry.text.as_ref();
    let text = text.map(|text| cipher.encrypt(text.expose().as_bytes(), &context(number, sequence)));
    Ok(ActiveModel {
        tracking_number: Set(number.as_str().to_owned()),
        sequence: Set(sequence),
        event: Set(entry.happening.as_str().to_owned()),
        created_at: Set(entry.at.micros()),
        actor: Set(entry.actor.to_string()),
        from_state: Set(entry.from.map(|state| state.into_str().to_owned())),
        to_state: Set(entry.to.into_str().to_owned()),
        division: Set(entry.division.map(|division| i64::from(division.number()))),
        clock: Set(entry.clock.map(|(clock, _)| clock.into_str().to_owned())),
        planned_at: Set(entry.clock.map(|(_, planned)| planned.micros())),
        is_shown: Set(entry.is_shown),
        text: Set(text.transpose()?),
        verdict: Set(entry.verdict.map(|verdict| verdict.into_str().to_owned())),
        finding: Set(entry.finding.map(|finding| finding.into_str().to_owned())),
    })
}

/// The log of a case after a line, the oldest first, with the number of each line.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    after: i64,
    limit: u64,
) -> Result<Vec<(i64, LogEntry)>, Fault> {
    let rows = Entity::find()
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .filter(Column::Sequence.gt(after))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    rows.iter().map(|row| read(cipher, number, row)).collect()
}

/// The last answer to each of these cases that has one, and when it was given.
pub async fn last_answers(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    numbers: &[TrackingNumber],
) -> Result<HashMap<String, (Timestamp, Secret<String>)>, Fault> {
    let names = numbers.iter().map(TrackingNumber::as_str);
    let rows = Entity::find()
        .filter(Column::TrackingNumber.is_in(names))
        .filter(Column::Event.eq(Happening::Action(Action::Answer).as_str()))
        .order_by_asc(Column::TrackingNumber)
        .order_by_asc(Column::Sequence)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    // A later answer takes the place of an earlier one.
    let last: HashMap<String, Model> = rows
        .into_iter()
        .map(|row| (row.tracking_number.clone(), row))
        .collect();
    let mut answers = HashMap::with_capacity(last.len());
    for number in numbers {
        let Some(row) = last.get(number.as_str()) else {
            continue;
        };
        let (_, entry) = read(cipher, number, row)?;
        if let Some(text) = entry.text {
            answers.insert(number.as_str().to_owned(), (entry.at, text));
        }
    }
    Ok(answers)
}

/// What the filer may read of the log: at most `limit` of the newest lines, the oldest first.
pub async fn shown(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
    limit: u64,
) -> Result<Vec<LogEntry>, Fault> {
    let mut rows = Entity::find()
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .filter(Column::IsShown.eq(true))
        .order_by_desc(Column::Sequence)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    rows.reverse();
    let read = rows.iter().map(|row| read(cipher, number, row));
    read.map(|line| line.map(|(_, entry)| entry)).collect()
}

fn read(cipher: &ReadyCipher, number: &TrackingNumber, row: &Model) -> Result<(i64, LogEntry), Fault> {
    let damaged = |what: &str| StorageError::Damaged(format!("case_events.{what}"));
    let text = row.text.as_deref();
    let text = text.map(|text| cipher.decrypt_text(text, &context(number, row.sequence)));
    let clock = match (&row.clock, row.planned_at) {
        (Some(clock), Some(planned)) => Some((
            clock.parse().map_err(|_| damaged("clock"))?,
            Timestamp::from_micros(planned),
        )),
        _ => None,
    };
    let from = row.from_state.as_deref().map(str::parse);
    let verdict = row.verdict.as_deref().map(str::parse);
    let finding = row.finding.as_deref().map(str::parse);
    let division = row.division.map(|one| read_division(one, "case_events.division"));
    let entry = LogEntry {
        happening: Happening::parse(&row.event).ok_or_else(|| damaged("event"))?,
        at: Timestamp::from_micros(row.created_at),
        actor: Actor::parse(&row.actor).ok_or_else(|| damaged("actor"))?,
        from: from.transpose().map_err(|_| damaged("from_state"))?,
        to: row.to_state.parse().map_err(|_| damaged("to_state"))?,
        text: text.transpose()?.map(Secret::new),
        division: division.transpose()?,
        clock,
        verdict: verdict.transpose().map_err(|_| damaged("verdict"))?,
        finding: finding.transpose().map_err(|_| damaged("finding"))?,
        is_shown: row.is_shown,
    };
    Ok((row.sequence, entry))
}
