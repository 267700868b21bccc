//! Decisions, each once and for ever.

use lutong_chassis::storage::StorageError;
use lutong_chassis::storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_kernel::{Colour, DecisionId, FactId, SubjectId, Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::tables::decision::{ActiveModel, Column, Entity as Decisions, Model};
use crate::domain::history::Entry;

/// A cited rule as stored: ids and instants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCitation {
    pub rule: String,
    pub facts: Vec<FactId>,
    pub from: i64,
    pub until: Option<i64>,
}

/// What a decision says and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionContent {
    pub colour: Colour,
    pub citations: Vec<StoredCitation>,
    pub rule_set: String,
    pub rule_set_version: String,
    /// The instant it was made for; what was recorded by then was known.
    pub evaluated_at: Timestamp,
    pub next_change_at: Option<Timestamp>,
}

/// A decision as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDecision {
    pub id: DecisionId,
    pub subject: SubjectId,
    pub version: i64,
    pub content: DecisionContent,
    /// The chain's entry.
    pub entry: Entry,
}

impl DecisionContent {
    fn citations_json(&self) -> String {
        // Plain data: it always serialises.
        serde_json::to_string(&self.citations).unwrap_or_default()
    }

    /// Tells one set of citations from another without reading the decision.
    pub fn cited(&self) -> i64 {
        if self.citations.is_empty() {
            return 0;
        }
        let digest = Sha256::digest(self.citations_json().as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        i64::from_le_bytes(first)
    }

    /// Everything that was decided, in one spelling: what the chain's entry is made over and a replay compares.
    pub fn canonical(&self, subject: SubjectId, version: i64) -> Vec<u8> {
        let text = format!(
            "{subject}\n{version}\n{}\n{}\n{}\n{}\n{:?}\n{}",
            self.colour,
            self.rule_set,
            self.rule_set_version,
            self.evaluated_at.micros(),
            self.next_change_at.map(Timestamp::micros),
            self.citations_json(),
        );
        text.into_bytes()
    }
}

impl StoredDecision {
    pub fn canonical(&self) -> Vec<u8> {
        self.content.canonical(self.subject, self.version)
    }
}

impl TryFrom<Model> for StoredDecision {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("decisions.{what}"));
        // Erased: what is left is for the chain, not to be read as a decision.
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

pub async fn insert(
    transaction: &DatabaseTransaction,
    decisions: &[StoredDecision],
) -> Result<(), StorageError> {
    if decisions.is_empty() {
        return Ok(());
    }
    let rows = decisions.iter().map(|decision| ActiveModel {
        subject_id: Set(subject_bytes(decision.subject)),
        version: Set(decision.version),
        decision_id: Set(uuid_bytes(decision.id.uuid())),
        colour: Set(i32::from(decision.content.colour.wire_code())),
        citation_count: Set(i32::try_from(decision.content.citations.len()).unwrap_or(i32::MAX)),
        citations: Set(Some(decision.content.citations_json())),
        rule_set: Set(decision.content.rule_set.clone()),
        rule_set_version: Set(decision.content.rule_set_version.clone()),
        evaluated_at: Set(decision.content.evaluated_at.micros()),
        next_change_at: Set(decision.content.next_change_at.map(Timestamp::micros)),
        entry: Set(decision.entry.to_vec()),
    });
    // Below SQLite's 32,766 parameters.
    let rows: Vec<_> = rows.collect();
    for chunk in rows.chunks(2_000) {
        Decisions::insert_many(chunk.iter().cloned())
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Decisions by subject and version.
pub async fn find(
    connection: &impl ConnectionTrait,
    wanted: &[(SubjectId, i64)],
) -> Result<Vec<StoredDecision>, StorageError> {
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
    rows.into_iter().map(StoredDecision::try_from).collect()
}
