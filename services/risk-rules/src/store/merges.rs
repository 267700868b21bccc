//! Who is one person, step by step as identity told it.

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

use super::tables::merge::{ActiveModel, Column, Entity, Model};
use crate::domain::merged::Step;

impl TryFrom<&Model> for Step {
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

/// Steps after `after` with the highest id among them.
pub async fn after(connection: &impl ConnectionTrait, after: i64) -> Result<(Vec<Step>, i64), StorageError> {
    let rows = Entity::find()
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    let last = rows.last().map_or(after, |row| row.id);
    let steps = rows.iter().map(Step::try_from).collect::<Result<_, _>>()?;
    Ok((steps, last))
}

/// Every step of whoever was ever one person with `subject`, as they were told.
pub async fn ever_about(
    connection: &impl ConnectionTrait,
    subject: PermittedSubject,
) -> Result<Vec<Step>, StorageError> {
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
        let steps: Vec<Step> = rows.iter().map(Step::try_from).collect::<Result<_, _>>()?;
        let before = known.len();
        known.extend(everybody(&steps));
        if known.len() == before {
            return Ok(steps);
        }
    }
}

/// Whom steps are about.
pub fn everybody(steps: &[Step]) -> impl Iterator<Item = SubjectId> {
    steps
        .iter()
        .flat_map(|step| [step.subject].into_iter().chain(step.into))
}

pub async fn insert(transaction: &DatabaseTransaction, step: &Step) -> Result<(), StorageError> {
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
