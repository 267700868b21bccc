//! The table `codes`: read by subject, written only by a newer version.

use lutong_failpoint::Broken;
use lutong_kernel::{Colour, DecisionId, SubjectId, Timestamp};
use lutong_storage::column::{read_subject, read_uuid, subject_bytes, uuid_bytes};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QuerySelect as _,
};

use self::code::Column;
use crate::codes::domain::Code;

pub mod code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        pub decision_id: Vec<u8>,
        /// GB/T 38962 wire code: 0, 1, 10.
        pub colour: i32,
        pub version: i64,
        pub evaluated_at: i64,
        pub next_change_at: Option<i64>,
        /// Encrypted; absent until identity has given it.
        pub mask: Option<Vec<u8>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A code with its mask as stored.
#[derive(Debug, Clone)]
pub struct StoredCode {
    pub code: Code,
    pub sealed_mask: Option<Vec<u8>>,
}

impl TryFrom<code::Model> for StoredCode {
    type Error = StorageError;

    fn try_from(row: code::Model) -> Result<Self, StorageError> {
        let code::Model {
            subject_id,
            decision_id,
            colour,
            version,
            evaluated_at,
            next_change_at,
            mask,
        } = row;
        let colour = u8::try_from(colour).ok().and_then(Colour::from_wire_code);
        Ok(Self {
            code: Code {
                subject: read_subject(&subject_id, "codes.subject_id")?,
                decision: DecisionId::from_uuid(read_uuid(&decision_id, "codes.decision_id")?),
                colour: colour.ok_or_else(|| StorageError::Damaged("codes.colour".to_owned()))?,
                version,
                evaluated_at: Timestamp::from_micros(evaluated_at),
                next_change_at: next_change_at.map(Timestamp::from_micros),
            },
            sealed_mask: mask,
        })
    }
}

pub async fn find_all(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<StoredCode>, StorageError> {
    let subjects = subjects.iter().copied().map(subject_bytes).collect();
    let rows = code::Entity::find()
        .filter(one_of(
            Column::SubjectId,
            connection.get_database_backend(),
            subjects,
        ))
        .all(connection)
        .await?;
    rows.into_iter().map(StoredCode::try_from).collect()
}

fn newer_only() -> &'static str {
    if lutong_failpoint::broken(Broken::UnguardedVersion) {
        return "1 = 1";
    }
    "excluded.version > codes.version"
}

/// Writes those of `codes`, at most one a subject, that are newer than the stored row, and returns how many were written. A stored
/// mask is kept.
pub async fn upsert_newer(
    transaction: &DatabaseTransaction,
    codes: Vec<StoredCode>,
) -> Result<u64, StorageError> {
    if codes.is_empty() {
        return Ok(0);
    }
    let rows = codes
        .into_iter()
        .map(|StoredCode { code, sealed_mask }| code::ActiveModel {
            subject_id: Set(subject_bytes(code.subject)),
            decision_id: Set(uuid_bytes(code.decision.uuid())),
            colour: Set(i32::from(code.colour.wire_code())),
            version: Set(code.version),
            evaluated_at: Set(code.evaluated_at.micros()),
            next_change_at: Set(code.next_change_at.map(Timestamp::micros)),
            mask: Set(sealed_mask),
        });
    let newer = OnConflict::column(Column::SubjectId)
        .update_columns([
            Column::DecisionId,
            Column::Colour,
            Column::Version,
            Column::EvaluatedAt,
            Column::NextChangeAt,
        ])
        .action_and_where(Expr::cust(newer_only()))
        .to_owned();
    let written = code::Entity::insert_many(rows)
        .on_conflict(newer)
        .exec_without_returning(transaction)
        .await?;
    Ok(written)
}

/// The version of a code, which no other transaction changes before this one ends.
pub async fn lock_version(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
) -> Result<Option<i64>, StorageError> {
    let row = code::Entity::find_by_id(subject_bytes(subject))
        .select_only()
        .column(Column::Version)
        .lock_exclusive();
    Ok(row.into_tuple().one(transaction).await?)
}

pub async fn set_mask(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    sealed: Vec<u8>,
) -> Result<(), StorageError> {
    code::Entity::update_many()
        .col_expr(Column::Mask, Expr::value(sealed))
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .exec(transaction)
        .await?;
    Ok(())
}
