//! Which documents are registered, and whose they are.

use std::collections::{BTreeSet, HashMap};

use lutong_kernel::SubjectId;
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};

use super::DocumentIndex;
use super::person::{Column, Entity};

/// The subject of a document, and whether a person is registered with it or a feed has named it only.
#[derive(Debug, Clone, Copy)]
pub struct DocumentSubject {
    pub subject: SubjectId,
    pub is_registered: bool,
}

/// Whose a document is, as its own row says.
#[derive(Debug, Clone, Copy)]
pub struct DocumentHolder {
    /// The subject that the document leads to.
    pub subject: SubjectId,
    /// The subject of the row itself: another one where the document was added to a person who registered with another one.
    pub first: SubjectId,
}

/// Whose the document is; `None` where nobody has named it.
pub async fn holder(
    connection: &impl ConnectionTrait,
    index: &DocumentIndex,
) -> Result<Option<DocumentHolder>, StorageError> {
    let row = Entity::find()
        .select_only()
        .columns([Column::SubjectId, Column::HeldBy])
        .filter(Column::DocumentIndex.eq(index.to_vec()))
        .into_tuple::<(Vec<u8>, Option<Vec<u8>>)>()
        .one(connection)
        .await?;
    row.map(|(first, held_by)| {
        let first = read_subject(&first, "people.subject_id")?;
        let held_by = held_by.map(|subject| read_subject(&subject, "people.held_by"));
        Ok(DocumentHolder {
            subject: held_by.transpose()?.unwrap_or(first),
            first,
        })
    })
    .transpose()
}

/// Lets a document that is a placeholder's lead to a person from now on.
pub async fn hold(
    transaction: &DatabaseTransaction,
    placeholder: SubjectId,
    person: SubjectId,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::HeldBy, Expr::value(subject_bytes(person)))
        .filter(Column::SubjectId.eq(subject_bytes(placeholder)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The subjects of those documents that have one.
pub async fn find_all(
    connection: &impl ConnectionTrait,
    indexes: &[DocumentIndex],
) -> Result<HashMap<DocumentIndex, DocumentSubject>, StorageError> {
    let subjects = super::find_all(connection, indexes).await?;
    let of_subjects: Vec<_> = subjects.values().copied().collect();
    let registered = registered_among(connection, &of_subjects).await?;
    let known = |(index, subject)| {
        let known = DocumentSubject {
            subject,
            is_registered: registered.contains(&subject),
        };
        (index, known)
    };
    Ok(subjects.into_iter().map(known).collect())
}

/// Those of `subjects` that are registered people.
pub async fn registered_among(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<BTreeSet<SubjectId>, StorageError> {
    let rows = Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .filter(Column::RegisteredAt.is_not_null())
        .into_tuple::<Vec<u8>>()
        .all(connection)
        .await?;
    rows.iter()
        .map(|subject| read_subject(subject, "people.subject_id"))
        .collect()
}
