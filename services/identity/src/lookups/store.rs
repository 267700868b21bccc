//! The table `lookups`: append-only.

use lutong_kernel::{LookupId, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, subject_bytes, uuid_bytes};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use self::lookup::{ActiveModel, Column, Entity};

pub mod lookup {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lookups")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub lookup_id: Vec<u8>,
        /// `InspectedLookup`, encrypted.
        pub content: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A lookup as stored.
#[derive(Debug, Clone)]
pub struct StoredLookup {
    pub subject: SubjectId,
    pub id: LookupId,
    pub content: Vec<u8>,
}

/// Stores lookups; those that are there already stay as they are.
pub async fn insert(connection: &impl ConnectionTrait, lookups: &[StoredLookup]) -> Result<(), StorageError> {
    let rows = lookups.iter().map(|lookup| ActiveModel {
        subject_id: Set(subject_bytes(lookup.subject)),
        lookup_id: Set(uuid_bytes(lookup.id.uuid())),
        content: Set(lookup.content.clone()),
    });
    Entity::insert_many(rows)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(connection)
        .await?;
    Ok(())
}

/// Lookups of these subjects, the newest first, older than `before`.
pub async fn list(
    connection: &impl ConnectionTrait,
    subjects: impl IntoIterator<Item = SubjectId>,
    before: Option<LookupId>,
    limit: u64,
) -> Result<Vec<StoredLookup>, StorageError> {
    let mut query = Entity::find()
        .filter(Column::SubjectId.is_in(subjects.into_iter().map(subject_bytes)))
        .order_by_desc(Column::LookupId)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::LookupId.lt(uuid_bytes(before.uuid())));
    }
    let rows = query.all(connection).await?;
    let read = rows.into_iter().map(|row| {
        Ok(StoredLookup {
            subject: SubjectId::from_uuid(read_uuid(&row.subject_id, "lookups.subject_id")?),
            id: LookupId::from_uuid(read_uuid(&row.lookup_id, "lookups.lookup_id")?),
            content: row.content,
        })
    });
    read.collect()
}
