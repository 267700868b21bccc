//! The table `device_credentials`: keyed hashes of what a device may sign in with.

use lutong_kernel::CheckpointDeviceId;
use lutong_storage::StorageError;
use lutong_storage::column::uuid_bytes;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use self::credential::{ActiveModel, Column, Entity, Model};
use crate::checkpoint_devices::domain::StoredCredential;

pub mod credential {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "device_credentials")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub device_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub generation: i64,
        pub hash: Vec<u8>,
        pub used: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn read(row: Model) -> Result<StoredCredential, StorageError> {
    let damaged = |_| StorageError::Damaged("device_credentials.hash".to_owned());
    Ok(StoredCredential {
        generation: row.generation,
        hash: row.hash.try_into().map_err(damaged)?,
        is_used: row.used,
    })
}

/// The credentials of a locked device, the oldest first.
pub async fn of(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
) -> Result<Vec<StoredCredential>, StorageError> {
    let rows = Entity::find()
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .order_by_asc(Column::Generation)
        .all(transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
    new: StoredCredential,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        device_id: Set(uuid_bytes(device.uuid())),
        generation: Set(new.generation),
        hash: Set(new.hash.to_vec()),
        used: Set(new.is_used),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Marks a credential as used, and forgets all others.
pub async fn keep_only(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
    generation: i64,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .filter(Column::Generation.ne(generation))
        .exec(transaction)
        .await?;
    Entity::update_many()
        .col_expr(Column::Used, Expr::value(true))
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .filter(Column::Generation.eq(generation))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Forgets one credential.
pub async fn delete(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
    generation: i64,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .filter(Column::Generation.eq(generation))
        .exec(transaction)
        .await?;
    Ok(())
}
