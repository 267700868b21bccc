//! Merges of subjects as stored, as published by identity.

use std::collections::BTreeSet;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_transport::access::PermittedSubject;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use lutong_risk_engine::merge::MergeStep;
use merge::{ActiveModel, Column, Entity, Model};

/// The table `merges`.
pub mod merge {
    use sea_orm::entity::prelude::*;

    /// A merge or an unmerge of a subject.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "merges")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub subject_id: Vec<u8>,
        /// Absent for an unmerge.
        pub into_id: Option<Vec<u8>>,
        /// Counts the steps of the subject.
        pub version: i64,
        pub recorded_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<&Model> for MergeStep {
    type Error = StorageError;

    fn try_from(row: &Model) -> Result<Self, StorageError> {
        let into = row.into_id.as_deref();
        Ok(Self {
            subject: read_subject(&row.subject_id, "merges.subject_id")?,
            into: into
                .map(|into| read_subject(into, "merges.into_id"))
                .transpose()?,
            version: row.version,
            recorded_at: Timestamp::from_micros(row.recorded_at),
        })
    }
}

/// Steps with an id greater than `after`, and the greatest id among them.
pub async fn after(
    connection: &impl ConnectionTrait,
    after: i64,
) -> Result<(Vec<MergeStep>, i64), StorageError> {
    let rows = Entity::find()
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    let last = rows.last().map_or(after, |row| row.id);
    let steps = rows.iter().map(MergeStep::try_from).collect::<Result<_, _>>()?;
    Ok((steps, last))
}

/// All steps of subjects that were ever one person with `subject`, in the order of their recording.
pub async fn ever_about(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
) -> Result<Vec<MergeStep>, StorageError> {
    let mut known = BTreeSet::from([subject.id()]);
    loop {
        let bytes: Vec<_> = known.iter().map(|subject| subject_bytes(*subject)).collect();
        let touching = Condition::any()
            .add(Column::SubjectId.is_in(bytes.clone()))
            .add(Column::IntoId.is_in(bytes));
        let rows = Entity::find()
            .filter(touching)
            .order_by_asc(Column::Id)
            .all(connection)
            .await?;
        let steps: Vec<MergeStep> = rows.iter().map(MergeStep::try_from).collect::<Result<_, _>>()?;
        let before = known.len();
        known.extend(subjects_of(&steps));
        if known.len() == before {
            return Ok(steps);
        }
    }
}

/// The subjects that steps refer to.
pub fn subjects_of(steps: &[MergeStep]) -> impl Iterator<Item = SubjectId> {
    steps
        .iter()
        .flat_map(|step| [step.subject].into_iter().chain(step.into))
}

pub async fn insert(transaction: &DatabaseTransaction, step: &MergeStep) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: NotSet,
        subject_id: Set(subject_bytes(step.subject)),
        into_id: Set(step.into.map(subject_bytes)),
        version: Set(step.version),
        recorded_at: Set(step.recorded_at.micros()),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}
