//! Statements as stored: facts, corrections and retractions.

use std::collections::BTreeSet;

use lutong_kernel::{FactId, Fault, SubjectId, Timestamp};
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use lutong_storage::rows::{Insert, OnDuplicate};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use sha2::{Digest as _, Sha256};

use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::fact::{Fact, FactKind};
use statement::{Column, Entity, Model};

/// The table `statements`.
pub mod statement {
    use sea_orm::entity::prelude::*;

    /// A fact, a correction or a retraction.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "statements")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub fact_id: Vec<u8>,
        /// The lookup key, made of source and key.
        pub name: Vec<u8>,
        pub source: String,
        pub key: String,
        /// `None`: a retraction.
        pub kind: Option<String>,
        /// Encrypted JSON; absent for a retraction.
        pub attributes: Option<Vec<u8>>,
        /// The statement that it corrects or retracts.
        pub target_id: Option<Vec<u8>>,
        pub reason: Option<String>,
        pub recorded_at: i64,
        pub superseded_at: Option<i64>,
        /// Keyed hash of the content.
        pub fingerprint: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A statement to store. A retraction has no kind and no attributes.
#[derive(Debug, Clone)]
pub struct NewStatement {
    pub id: FactId,
    pub subject: SubjectId,
    pub source: String,
    pub key: String,
    pub name: Name,
    pub kind: Option<FactKind>,
    /// Encrypted by [`seal`].
    pub attributes: Option<Vec<u8>>,
    pub target: Option<FactId>,
    pub reason: Option<String>,
    pub recorded_at: Timestamp,
    pub fingerprint: [u8; 32],
}

/// The lookup key of a statement: source and key in a fixed size. Names of one source are ordered by the first characters of the
/// key, so that keys with ascending numbers are neighbours in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; 32]);

impl Name {
    pub fn of(source: &str, key: &str) -> Self {
        let by_source = Sha256::digest(source);
        let by_both = Sha256::new().chain_update(by_source).chain_update(key).finalize();
        let mut name = [0; 32];
        let ahead = key.len().min(12);
        name[..4].copy_from_slice(&by_source[..4]);
        name[4..4 + ahead].copy_from_slice(&key.as_bytes()[..ahead]);
        name[16..].copy_from_slice(&by_both[..16]);
        Self(name)
    }
}

/// A stored statement whose attributes are still encrypted.
#[derive(Debug, Clone)]
pub struct StatementRow {
    pub id: FactId,
    pub subject: SubjectId,
    pub source: String,
    pub key: String,
    pub name: Name,
    /// `None`: a retraction.
    pub kind: Option<String>,
    pub recorded_at: Timestamp,
    pub superseded_at: Option<Timestamp>,
    /// The statement that it corrects or retracts.
    pub target: Option<FactId>,
    pub fingerprint: Vec<u8>,
    sealed: Option<Vec<u8>>,
}

impl TryFrom<Model> for StatementRow {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let name = row.name.try_into().ok();
        Ok(Self {
            id: FactId::from_uuid(read_uuid(&row.fact_id, "statements.fact_id")?),
            subject: read_subject(&row.subject_id, "statements.subject_id")?,
            source: row.source,
            key: row.key,
            name: Name(name.ok_or_else(|| StorageError::Damaged("statements.name".to_owned()))?),
            kind: row.kind,
            recorded_at: Timestamp::from_micros(row.recorded_at),
            superseded_at: row.superseded_at.map(Timestamp::from_micros),
            target: match row.target_id {
                Some(target) => Some(FactId::from_uuid(read_uuid(&target, "statements.target_id")?)),
                None => None,
            },
            fingerprint: row.fingerprint,
            sealed: row.attributes,
        })
    }
}

/// The associated data of a statement's attributes.
fn context(id: FactId) -> Vec<u8> {
    format!("statements/attributes/{id}").into_bytes()
}

impl StatementRow {
    /// Decrypts the fact; `None` for a retraction.
    pub fn open(&self, cipher: &ReadyCipher) -> Result<Option<Fact>, Fault> {
        let (Some(kind), Some(sealed)) = (&self.kind, &self.sealed) else {
            return Ok(None);
        };
        let damaged = || {
            Fault::from(StorageError::Damaged(format!(
                "statements.attributes of {}",
                self.id
            )))
        };
        let json = cipher.decrypt(sealed, &context(self.id))?;
        let json = serde_json::from_slice(&json).map_err(|_| damaged())?;
        let kind = kind.parse().map_err(|_| damaged())?;
        Ok(Some(Fact {
            id: self.id,
            source: self.source.clone(),
            recorded_at: self.recorded_at,
            superseded_at: self.superseded_at,
            attributes: Attributes::parse(kind, &json).map_err(|_| damaged())?,
        }))
    }
}

/// Statements with given names.
pub async fn by_names(
    connection: &impl ConnectionTrait,
    names: &BTreeSet<Name>,
) -> Result<Vec<StatementRow>, StorageError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names = names.iter().map(|name| name.0.to_vec()).collect();
    let rows = Entity::find()
        .filter(one_of(Column::Name, connection.get_database_backend(), names))
        .all(connection)
        .await?;
    rows.into_iter().map(StatementRow::try_from).collect()
}

/// Names in one query.
const NAMES: usize = 1_000;

/// The names whose statement is stored and current, that is neither corrected nor retracted.
pub async fn standing(
    connection: &impl ConnectionTrait,
    names: &[Name],
) -> Result<BTreeSet<Name>, StorageError> {
    let mut standing = BTreeSet::new();
    for chunk in names.chunks(NAMES) {
        let rows = by_names(connection, &chunk.iter().copied().collect()).await?;
        let current = rows.iter().filter(|row| row.superseded_at.is_none());
        standing.extend(current.map(|row| row.name));
    }
    Ok(standing)
}

/// Subjects after `after` about whom a source reported in the half-open period, sorted. The query scans the table: a rollback is
/// rare, and an index would slow down every import.
pub async fn reported_on(
    connection: &impl ConnectionTrait,
    source: &str,
    (from, until): (Timestamp, Timestamp),
    after: Option<SubjectId>,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .distinct()
        .filter(Column::Source.eq(source))
        .filter(Column::RecordedAt.gte(from.micros()))
        .filter(Column::RecordedAt.lt(until.micros()));
    if let Some(after) = after {
        query = query.filter(Column::SubjectId.gt(subject_bytes(after)));
    }
    let found: Vec<Vec<u8>> = query
        .order_by_asc(Column::SubjectId)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    found
        .iter()
        .map(|bytes| read_subject(bytes, "statements.subject_id"))
        .collect()
}

/// All statements about `subjects`.
pub async fn of_subjects(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<StatementRow>, StorageError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find()
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .all(connection)
        .await?;
    rows.into_iter().map(StatementRow::try_from).collect()
}

const INSERT: Insert = Insert {
    table: "statements",
    columns: &[
        ("subject_id", Kind::Bytes),
        ("fact_id", Kind::Bytes),
        ("name", Kind::Bytes),
        ("source", Kind::Text),
        ("key", Kind::Text),
        ("kind", Kind::Text),
        ("attributes", Kind::Bytes),
        ("target_id", Kind::Bytes),
        ("reason", Kind::Text),
        ("recorded_at", Kind::Number),
        ("fingerprint", Kind::Bytes),
    ],
    on_duplicate: OnDuplicate::Fail,
};

/// Encrypts attributes in their canonical form for storage.
pub fn seal(cipher: &ReadyCipher, id: FactId, canonical: &str) -> Result<Vec<u8>, CipherError> {
    cipher.encrypt(canonical.as_bytes(), &context(id))
}

pub async fn insert<'a>(
    transaction: &DatabaseTransaction,
    statements: impl Iterator<Item = &'a NewStatement>,
) -> Result<(), StorageError> {
    let cells = statements.map(|new| {
        [
            Cell::Id(Some(new.subject.uuid())),
            Cell::Id(Some(new.id.uuid())),
            Cell::Bytes(Some(&new.name.0)),
            Cell::Text(Some(&new.source)),
            Cell::Text(Some(&new.key)),
            Cell::Text(new.kind.map(FactKind::as_str)),
            Cell::Bytes(new.attributes.as_deref()),
            Cell::Id(new.target.map(FactId::uuid)),
            Cell::Text(new.reason.as_deref()),
            Cell::Number(Some(new.recorded_at.micros())),
            Cell::Bytes(Some(&new.fingerprint)),
        ]
    });
    INSERT.rows(transaction, &cells.collect::<Vec<_>>()).await
}

/// Marks a statement as superseded.
pub async fn supersede(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    id: FactId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::SupersededAt, Expr::value(at.micros()))
        .filter(
            Condition::all()
                .add(Column::SubjectId.eq(subject_bytes(subject)))
                .add(Column::FactId.eq(uuid_bytes(id.uuid()))),
        )
        .exec(transaction)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_where_source_or_key_do_and_follow_a_sources_own_numbering() {
        let named = [
            ("a", "bc"),
            ("ab", "c"),
            ("a", "2022-11-26-000001"),
            ("a", "2022-11-26-000002"),
            ("a", "鲁检20221126-1"),
        ];
        let names: BTreeSet<_> = named.iter().map(|(source, key)| Name::of(source, key)).collect();
        assert_eq!(names.len(), named.len());
        assert!(Name::of("laboratory", "0001-2022") < Name::of("laboratory", "0002-2022"));
        assert_eq!(Name::of("laboratory", "0001"), Name::of("laboratory", "0001"));
    }
}
