//! Decisions as stored, append-only.

use lutong_kernel::{Colour, DecisionId, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes};
use lutong_storage::rows::{Insert, OnDuplicate};
use lutong_transport::access::PermittedSubject;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::domain::{Decision, DecisionContent};
use crate::history::domain::{DayDigest, Entry};
use crate::subjects::store::subject;
use decision::{Column, Entity as Decisions, Model};

/// The table `decisions`.
pub mod decision {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "decisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub decision_id: Vec<u8>,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        pub citation_count: i32,
        /// JSON: rule ids, fact ids, instants. Absent if the decision was erased.
        pub citations: Option<String>,
        pub rule_set: String,
        pub rule_set_version: String,
        pub evaluated_at: i64,
        pub next_change_at: Option<i64>,
        /// The entry of the chain.
        pub entry: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of a history: the decision or, if it was erased, only its entry.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    pub subject: SubjectId,
    pub version: i64,
    pub entry: Entry,
    /// `None`: erased.
    pub decision: Option<Decision>,
}

impl TryFrom<Model> for Decision {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("decisions.{what}"));
        // Of an erased decision only the entry of the chain is left.
        let citations = row
            .citations
            .ok_or(StorageError::Damaged("decisions: erased".to_owned()))?;
        let colour = u8::try_from(row.colour).ok().and_then(Colour::from_wire_code);
        Ok(Self {
            id: DecisionId::from_uuid(read_uuid(&row.decision_id, "decisions.decision_id")?),
            subject: read_subject(&row.subject_id, "decisions.subject_id")?,
            version: row.version,
            content: DecisionContent {
                colour: colour.ok_or_else(|| damaged("colour"))?,
                citations: serde_json::from_str(&citations).map_err(|_| damaged("citations"))?,
                rule_set: row.rule_set,
                rule_set_version: row.rule_set_version,
                evaluated_at: Timestamp::from_micros(row.evaluated_at),
                next_change_at: row.next_change_at.map(Timestamp::from_micros),
            },
            entry: row.entry.try_into().map_err(|_| damaged("entry"))?,
        })
    }
}

const INSERT: Insert = Insert {
    table: "decisions",
    columns: &[
        ("subject_id", Kind::Bytes),
        ("version", Kind::Number),
        ("decision_id", Kind::Bytes),
        ("colour", Kind::Number),
        ("citation_count", Kind::Number),
        ("citations", Kind::Text),
        ("rule_set", Kind::Text),
        ("rule_set_version", Kind::Text),
        ("evaluated_at", Kind::Number),
        ("next_change_at", Kind::Number),
        ("entry", Kind::Bytes),
    ],
    on_duplicate: OnDuplicate::Fail,
};

pub async fn insert(transaction: &DatabaseTransaction, decisions: &[Decision]) -> Result<(), StorageError> {
    let citations: Vec<_> = decisions.iter().map(|one| one.content.citations_json()).collect();
    let cells = decisions.iter().zip(&citations).map(|(decision, citations)| {
        let content = &decision.content;
        let cited = i64::try_from(content.citations.len()).unwrap_or(i64::MAX);
        [
            Cell::Id(Some(decision.subject.uuid())),
            Cell::Number(Some(decision.version)),
            Cell::Id(Some(decision.id.uuid())),
            Cell::Number(Some(i64::from(content.colour.wire_code()))),
            Cell::Number(Some(cited)),
            Cell::Text(Some(citations)),
            Cell::Text(Some(&content.rule_set)),
            Cell::Text(Some(&content.rule_set_version)),
            Cell::Number(Some(content.evaluated_at.micros())),
            Cell::Number(content.next_change_at.map(Timestamp::micros)),
            Cell::Bytes(Some(&decision.entry)),
        ]
    });
    INSERT.rows(transaction, &cells.collect::<Vec<_>>()).await
}

/// Decisions with given subjects and versions.
pub async fn find(
    connection: &impl ConnectionTrait,
    wanted: &[(SubjectId, i64)],
) -> Result<Vec<Decision>, StorageError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let any = wanted.iter().fold(Condition::any(), |any, (subject, version)| {
        any.add(
            Condition::all()
                .add(Column::SubjectId.eq(subject_bytes(*subject)))
                .add(Column::Version.eq(*version)),
        )
    });
    let rows = Decisions::find().filter(any).all(connection).await?;
    rows.into_iter().map(Decision::try_from).collect()
}

/// The latest decision about each of `subjects` that has one.
pub async fn latest(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<Decision>, StorageError> {
    let rows: Vec<(Vec<u8>, i64)> = subject::Entity::find()
        .select_only()
        .column(subject::Column::SubjectId)
        .column(subject::Column::Version)
        .filter(subject::Column::SubjectId.is_in(subjects.iter().map(|one| subject_bytes(*one))))
        .filter(subject::Column::Version.gt(0))
        .into_tuple()
        .all(connection)
        .await?;
    let read = |(bytes, version): (Vec<u8>, i64)| Ok((read_subject(&bytes, "subjects.subject_id")?, version));
    let wanted: Vec<_> = rows.into_iter().map(read).collect::<Result<_, StorageError>>()?;
    find(connection, &wanted).await
}

impl TryFrom<Model> for HistoryRow {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let entry = row.entry.clone().try_into();
        Ok(Self {
            subject: read_subject(&row.subject_id, "decisions.subject_id")?,
            version: row.version,
            entry: entry.map_err(|_| StorageError::Damaged("decisions.entry".to_owned()))?,
            decision: match row.citations {
                Some(_) => Some(Decision::try_from(row)?),
                None => None,
            },
        })
    }
}

/// The complete histories of `subjects`, each oldest first.
pub async fn histories(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<HistoryRow>, StorageError> {
    let rows = Decisions::find()
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .order_by_asc(Column::SubjectId)
        .order_by_asc(Column::Version)
        .all(connection)
        .await?;
    rows.into_iter().map(HistoryRow::try_from).collect()
}

/// Decisions about a subject before a version, the newest first.
pub async fn before(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
    version: i64,
    limit: u64,
) -> Result<Vec<HistoryRow>, StorageError> {
    let rows = Decisions::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject.id())))
        .filter(Column::Version.lt(version))
        .order_by_desc(Column::Version)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(HistoryRow::try_from).collect()
}

/// One row of a history.
pub async fn history_row(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
    version: i64,
) -> Result<Option<HistoryRow>, StorageError> {
    let row = Decisions::find_by_id((subject_bytes(subject.id()), version))
        .one(connection)
        .await?;
    row.map(HistoryRow::try_from).transpose()
}

/// The position in the decisions of a day: instant, subject and version.
pub type DayCursor = (i64, Vec<u8>, i64);

/// Adds to `digest` a page of the decisions for instants in the half-open range, and returns the position of the next page; `None`
/// after the last one.
pub async fn add_day_page(
    connection: &impl ConnectionTrait,
    (from, until): (Timestamp, Timestamp),
    after: Option<DayCursor>,
    limit: u64,
    digest: &mut DayDigest,
) -> Result<Option<DayCursor>, StorageError> {
    let mut query = Decisions::find()
        .select_only()
        .column(Column::EvaluatedAt)
        .column(Column::SubjectId)
        .column(Column::Version)
        .column(Column::Entry)
        .filter(Column::EvaluatedAt.gte(from.micros()))
        .filter(Column::EvaluatedAt.lt(until.micros()));
    if let Some((at, subject, version)) = after {
        let same_subject = Condition::all()
            .add(Column::SubjectId.eq(subject.clone()))
            .add(Column::Version.gt(version));
        let same_instant = Condition::all().add(Column::EvaluatedAt.eq(at)).add(
            Condition::any()
                .add(Column::SubjectId.gt(subject))
                .add(same_subject),
        );
        query = query.filter(Condition::any().add(Column::EvaluatedAt.gt(at)).add(same_instant));
    }
    let rows: Vec<(i64, Vec<u8>, i64, Vec<u8>)> = query
        .order_by_asc(Column::EvaluatedAt)
        .order_by_asc(Column::SubjectId)
        .order_by_asc(Column::Version)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    let full = rows.len() as u64 == limit;
    let mut last = None;
    for (at, subject, version, entry) in rows {
        let id = read_subject(&subject, "decisions.subject_id")?;
        let entry = entry.try_into();
        digest.add(
            id,
            version,
            &entry.map_err(|_| StorageError::Damaged("decisions.entry".to_owned()))?,
        );
        last = Some((at, subject, version));
    }
    Ok(last.filter(|_| full))
}

/// The greatest instant of all decisions.
pub async fn last(connection: &impl ConnectionTrait) -> Result<Option<Timestamp>, StorageError> {
    let last: Option<Option<i64>> = Decisions::find()
        .select_only()
        .column_as(Column::EvaluatedAt.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().map(Timestamp::from_micros))
}

/// The smallest instant of all decisions.
pub async fn first(connection: &impl ConnectionTrait) -> Result<Option<Timestamp>, StorageError> {
    let first: Option<Option<i64>> = Decisions::find()
        .select_only()
        .column_as(Column::EvaluatedAt.min(), "first")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(first.flatten().map(Timestamp::from_micros))
}
