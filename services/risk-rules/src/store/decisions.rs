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

use super::tables::decision::{ActiveModel, Column, Entity, Model};

/// A cited rule as stored: ids and instants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCitation {
    pub rule: String,
    pub facts: Vec<FactId>,
    pub from: i64,
    pub until: Option<i64>,
}

/// A decision as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDecision {
    pub id: DecisionId,
    pub subject: SubjectId,
    pub version: i64,
    pub colour: Colour,
    pub citations: Vec<StoredCitation>,
    pub rule_set: String,
    pub rule_set_version: String,
    pub evaluated_at: Timestamp,
    pub next_change_at: Option<Timestamp>,
}

impl StoredDecision {
    fn citations_json(&self) -> String {
        // Plain data: it always serialises.
        serde_json::to_string(&self.citations).unwrap_or_default()
    }

    /// SHA-256 over everything that was decided, in one spelling: a replay compares it.
    pub fn hash(&self) -> [u8; 32] {
        let text = format!(
            "lutong-decision/1\n{}\n{}\n{}\n{}\n{}\n{}\n{:?}\n{}",
            self.subject,
            self.version,
            self.colour,
            self.rule_set,
            self.rule_set_version,
            self.evaluated_at.micros(),
            self.next_change_at.map(Timestamp::micros),
            self.citations_json(),
        );
        Sha256::digest(text.as_bytes()).into()
    }
}

impl TryFrom<Model> for StoredDecision {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let damaged = |what: &str| StorageError::Damaged(format!("decisions.{what}"));
        let colour = u8::try_from(row.colour).ok().and_then(Colour::from_wire_code);
        Ok(Self {
            id: DecisionId::from_uuid(read_uuid(&row.decision_id, "decisions.decision_id")?),
            subject: read_subject(&row.subject_id, "decisions.subject_id")?,
            version: row.version,
            colour: colour.ok_or_else(|| damaged("colour"))?,
            citations: serde_json::from_str(&row.citations).map_err(|_| damaged("citations"))?,
            rule_set: row.rule_set,
            rule_set_version: row.rule_set_version,
            evaluated_at: Timestamp::from_micros(row.evaluated_at),
            next_change_at: row.next_change_at.map(Timestamp::from_micros),
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
        colour: Set(i32::from(decision.colour.wire_code())),
        citation_count: Set(i32::try_from(decision.citations.len()).unwrap_or(i32::MAX)),
        citations: Set(decision.citations_json()),
        rule_set: Set(decision.rule_set.clone()),
        rule_set_version: Set(decision.rule_set_version.clone()),
        evaluated_at: Set(decision.evaluated_at.micros()),
        next_change_at: Set(decision.next_change_at.map(Timestamp::micros)),
        hash: Set(decision.hash().to_vec()),
    });
    Entity::insert_many(rows)
        .exec_without_returning(transaction)
        .await?;
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
    let rows = Entity::find().filter(any).all(connection).await?;
    rows.into_iter().map(StoredDecision::try_from).collect()
}
