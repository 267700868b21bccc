//! The table `lookups_to_deliver`.

use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use uuid::Uuid;

use self::lookup::{ActiveModel, Column, Entity};

pub mod lookup {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lookups_to_deliver")]
    pub struct Model {
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
    pub id: Uuid,
    pub content: Vec<u8>,
}

/// Rows of one statement, well below the bound of parameters of both engines.
const ROWS: usize = 1_000;

pub async fn insert(connection: &impl ConnectionTrait, lookups: &[StoredLookup]) -> Result<(), StorageError> {
    for lookups in lookups.chunks(ROWS) {
        let rows = lookups.iter().map(|lookup| ActiveModel {
            lookup_id: Set(uuid_bytes(lookup.id)),
            content: Set(lookup.content.clone()),
        });
        Entity::insert_many(rows)
            .exec_without_returning(connection)
            .await?;
    }
    Ok(())
}

/// The oldest that wait.
pub async fn oldest(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<StoredLookup>, StorageError> {
    let rows = Entity::find()
        .order_by_asc(Column::LookupId)
        .limit(limit)
        .all(connection)
        .await?;
    let read = rows.into_iter().map(|row| {
        Ok(StoredLookup {
            id: read_uuid(&row.lookup_id, "lookups_to_deliver.lookup_id")?,
            content: row.content,
        })
    });
    read.collect()
}

pub async fn delete(connection: &impl ConnectionTrait, delivered: &[Uuid]) -> Result<(), StorageError> {
    let ids = delivered.iter().copied().map(uuid_bytes);
    Entity::delete_many()
        .filter(Column::LookupId.is_in(ids))
        .exec(connection)
        .await?;
    Ok(())
}
