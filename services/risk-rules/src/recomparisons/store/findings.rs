//! The findings of a run.

use lutong_kernel::{Colour, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_transport::access::AnyPermit;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::damaged;
use crate::recomparisons::domain::FindingKind;

/// The table `recomparison_findings`.
pub mod recomparison_finding {
    use sea_orm::entity::prelude::*;

    /// A subject whose stored verdict differed from the new evaluation.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recomparison_findings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub run: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// One of due, rules, mismatch.
        pub kind: String,
        pub colour_before: i32,
        pub colour_after: i32,
        /// The version of the new decision.
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A subject whose stored verdict differed from the new evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub subject: SubjectId,
    pub kind: FindingKind,
    pub before: Colour,
    pub after: Colour,
    /// The version of the new decision.
    pub version: i64,
}

/// Stores findings. A part that is processed twice keeps the first finding of a subject.
pub async fn record(
    transaction: &DatabaseTransaction,
    run: i64,
    findings: &[Finding],
) -> Result<(), StorageError> {
    if findings.is_empty() {
        return Ok(());
    }
    let rows = findings.iter().map(|found| recomparison_finding::ActiveModel {
        run: Set(run),
        subject_id: Set(subject_bytes(found.subject)),
        kind: Set(found.kind.into_str().to_owned()),
        colour_before: Set(i32::from(found.before.wire_code())),
        colour_after: Set(i32::from(found.after.wire_code())),
        version: Set(found.version),
    });
    let once = OnConflict::columns([
        recomparison_finding::Column::Run,
        recomparison_finding::Column::SubjectId,
    ])
    .do_nothing()
    .to_owned();
    recomparison_finding::Entity::insert_many(rows)
        .on_conflict(once)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Findings of a run after a subject, ordered by subject.
pub async fn list(
    connection: &impl ConnectionTrait,
    _permit: &AnyPermit,
    run: i64,
    after: Option<SubjectId>,
    limit: u64,
) -> Result<Vec<Finding>, StorageError> {
    let mut query = recomparison_finding::Entity::find().filter(recomparison_finding::Column::Run.eq(run));
    if let Some(after) = after {
        query = query.filter(recomparison_finding::Column::SubjectId.gt(subject_bytes(after)));
    }
    let rows = query
        .order_by_asc(recomparison_finding::Column::SubjectId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.iter().map(read).collect()
}

fn colour(code: i32) -> Result<Colour, StorageError> {
    let colour = u8::try_from(code).ok().and_then(Colour::from_wire_code);
    colour.ok_or_else(|| damaged("colour"))
}

fn read(row: &recomparison_finding::Model) -> Result<Finding, StorageError> {
    Ok(Finding {
        subject: read_subject(&row.subject_id, "recomparison_findings.subject_id")?,
        kind: row.kind.parse().map_err(|_| damaged("kind"))?,
        before: colour(row.colour_before)?,
        after: colour(row.colour_after)?,
        version: row.version,
    })
}

/// Number of findings of a run by kind and by the colours before and after.
pub async fn counts(
    connection: &impl ConnectionTrait,
    run: i64,
) -> Result<Vec<(FindingKind, Colour, Colour, i64)>, StorageError> {
    let rows: Vec<(String, i32, i32, i64)> = recomparison_finding::Entity::find()
        .select_only()
        .column(recomparison_finding::Column::Kind)
        .column(recomparison_finding::Column::ColourBefore)
        .column(recomparison_finding::Column::ColourAfter)
        .column_as(recomparison_finding::Column::SubjectId.count(), "count")
        .filter(recomparison_finding::Column::Run.eq(run))
        .group_by(recomparison_finding::Column::Kind)
        .group_by(recomparison_finding::Column::ColourBefore)
        .group_by(recomparison_finding::Column::ColourAfter)
        .order_by_asc(recomparison_finding::Column::Kind)
        .order_by_asc(recomparison_finding::Column::ColourBefore)
        .order_by_asc(recomparison_finding::Column::ColourAfter)
        .into_tuple()
        .all(connection)
        .await?;
    let read = |(kind, before, after, count): (String, i32, i32, i64)| {
        let kind = kind.parse().map_err(|_| damaged("kind"))?;
        Ok((kind, colour(before)?, colour(after)?, count))
    };
    rows.into_iter().map(read).collect()
}
