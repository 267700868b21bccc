//! Subjects whose latest decisions an operation has yet to bring into force.

use lutong_kernel::SubjectId;
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes, uuid_bytes};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use operation_subject as subject;

/// The table `operation_subjects`.
pub mod operation_subject {
    use sea_orm::entity::prelude::*;

    /// A subject whose latest decision the operation has yet to bring into force.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "operation_subjects")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub operation_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows in one statement.
const CHUNK: usize = 2_000;

/// Adds subjects to an operation; a subject that is present already is kept.
pub async fn add(
    transaction: &DatabaseTransaction,
    id: Uuid,
    subjects: &[SubjectId],
) -> Result<(), StorageError> {
    for chunk in subjects.chunks(CHUNK) {
        let rows = chunk.iter().map(|one| subject::ActiveModel {
            operation_id: Set(uuid_bytes(id)),
            subject_id: Set(subject_bytes(*one)),
        });
        let once = OnConflict::columns([subject::Column::OperationId, subject::Column::SubjectId])
            .do_nothing()
            .to_owned();
        subject::Entity::insert_many(rows)
            .on_conflict(once)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Subjects whose decisions the operation has not brought into force yet.
pub async fn waiting(
    connection: &impl ConnectionTrait,
    id: Uuid,
    limit: u64,
) -> Result<Vec<SubjectId>, StorageError> {
    let rows: Vec<Vec<u8>> = subject::Entity::find()
        .select_only()
        .column(subject::Column::SubjectId)
        .filter(subject::Column::OperationId.eq(uuid_bytes(id)))
        .order_by_asc(subject::Column::SubjectId)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    let read = |bytes: Vec<u8>| read_subject(&bytes, "operation_subjects.subject_id");
    rows.into_iter().map(read).collect()
}

/// Removes subjects whose decisions are in force and returns how many were removed.
pub async fn remove(
    transaction: &DatabaseTransaction,
    id: Uuid,
    subjects: &[SubjectId],
) -> Result<u64, StorageError> {
    let gone = subject::Entity::delete_many()
        .filter(subject::Column::OperationId.eq(uuid_bytes(id)))
        .filter(subject::Column::SubjectId.is_in(subjects.iter().map(|one| subject_bytes(*one))))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}

/// Deletes the subjects of operations that are themselves deleted.
pub async fn forget(transaction: &DatabaseTransaction, operations: &[Uuid]) -> Result<(), StorageError> {
    subject::Entity::delete_many()
        .filter(subject::Column::OperationId.is_in(operations.iter().map(|id| uuid_bytes(*id))))
        .exec(transaction)
        .await?;
    Ok(())
}
