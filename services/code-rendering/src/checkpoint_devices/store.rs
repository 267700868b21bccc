//! The table `checkpoint_devices`.

pub mod credentials;

use lutong_kernel::{CheckpointDeviceId, CheckpointId, Timestamp};
use lutong_storage::column::{read_uuid, uuid_bytes};
use lutong_storage::{StorageError, one_of};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use self::device::{ActiveModel, Column, Entity, Model};
use super::domain::{CheckpointDevice, End, State};

pub mod device {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "checkpoint_devices")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub device_id: Vec<u8>,
        pub checkpoint_id: Vec<u8>,
        pub label: String,
        /// Number of the last credential that was issued.
        pub generation: i64,
        pub created_at: i64,
        pub heard_at: Option<i64>,
        pub ended_at: Option<i64>,
        pub end_reason: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("checkpoint_devices.{what}"))
}

impl TryFrom<Model> for CheckpointDevice {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let Model {
            device_id,
            checkpoint_id,
            label,
            generation,
            created_at,
            heard_at,
            ended_at,
            end_reason,
        } = row;
        let end = match (ended_at, end_reason) {
            (Some(at), Some(reason)) => Some(End {
                at: Timestamp::from_micros(at),
                reason: reason.parse().map_err(|_| damaged("end_reason"))?,
            }),
            (None, None) => None,
            _ => return Err(damaged("ended_at")),
        };
        let checkpoint = read_uuid(&checkpoint_id, "checkpoint_devices.checkpoint_id")?;
        Ok(Self {
            id: CheckpointDeviceId::from_uuid(read_uuid(&device_id, "checkpoint_devices.device_id")?),
            checkpoint: CheckpointId::from_uuid(checkpoint),
            label,
            created_at: Timestamp::from_micros(created_at),
            heard_at: heard_at.map(Timestamp::from_micros),
            end,
            generation,
        })
    }
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: CheckpointDeviceId,
) -> Result<Option<CheckpointDevice>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(CheckpointDevice::try_from).transpose()
}

/// Those of these devices that there are.
pub async fn find_all(
    connection: &impl ConnectionTrait,
    ids: &[CheckpointDeviceId],
) -> Result<Vec<CheckpointDevice>, StorageError> {
    let ids = ids.iter().map(|id| uuid_bytes(id.uuid())).collect();
    let rows = Entity::find()
        .filter(one_of(Column::DeviceId, connection.get_database_backend(), ids))
        .all(connection)
        .await?;
    rows.into_iter().map(CheckpointDevice::try_from).collect()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: CheckpointDeviceId,
) -> Result<Option<CheckpointDevice>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(CheckpointDevice::try_from).transpose()
}

/// The devices of a checkpoint, the newest first, from before an id on.
pub async fn list(
    connection: &impl ConnectionTrait,
    checkpoint: CheckpointId,
    state: Option<State>,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<CheckpointDevice>, StorageError> {
    let mut rows = Entity::find()
        .filter(Column::CheckpointId.eq(uuid_bytes(checkpoint.uuid())))
        .order_by_desc(Column::DeviceId)
        .limit(limit);
    rows = match state {
        None => rows,
        Some(State::Active) => rows.filter(Column::EndedAt.is_null()),
        Some(State::Ended) => rows.filter(Column::EndedAt.is_not_null()),
    };
    if let Some(before) = before {
        rows = rows.filter(Column::DeviceId.lt(uuid_bytes(before)));
    }
    let rows = rows.all(connection).await?;
    rows.into_iter().map(CheckpointDevice::try_from).collect()
}

/// How many devices of a checkpoint are active.
pub async fn count_active(
    transaction: &DatabaseTransaction,
    checkpoint: CheckpointId,
) -> Result<u64, StorageError> {
    let rows = Entity::find()
        .filter(Column::CheckpointId.eq(uuid_bytes(checkpoint.uuid())))
        .filter(Column::EndedAt.is_null());
    Ok(rows.count(transaction).await?)
}

pub async fn insert(transaction: &DatabaseTransaction, new: CheckpointDevice) -> Result<(), StorageError> {
    let row = ActiveModel {
        device_id: Set(uuid_bytes(new.id.uuid())),
        checkpoint_id: Set(uuid_bytes(new.checkpoint.uuid())),
        label: Set(new.label),
        generation: Set(new.generation),
        created_at: Set(new.created_at.micros()),
        heard_at: Set(None),
        ended_at: Set(None),
        end_reason: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Ends one device, if it is active.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: CheckpointDeviceId,
    end: End,
) -> Result<(), StorageError> {
    end_active(transaction, Column::DeviceId.eq(uuid_bytes(id.uuid())), end).await
}

/// Ends the active devices of a checkpoint.
pub async fn end_all(
    transaction: &DatabaseTransaction,
    checkpoint: CheckpointId,
    end: End,
) -> Result<(), StorageError> {
    let of = Column::CheckpointId.eq(uuid_bytes(checkpoint.uuid()));
    end_active(transaction, of, end).await
}

async fn end_active(
    transaction: &DatabaseTransaction,
    which: SimpleExpr,
    end: End,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(end.at.micros()))
        .col_expr(Column::EndReason, Expr::value(end.reason.into_str()))
        .filter(which)
        .filter(Column::EndedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Notes that a device was heard of; returns whether it is active.
pub async fn hear(
    transaction: &DatabaseTransaction,
    id: CheckpointDeviceId,
    at: Timestamp,
) -> Result<bool, StorageError> {
    let heard = Entity::update_many()
        .col_expr(Column::HeardAt, Expr::value(at.micros()))
        .filter(Column::DeviceId.eq(uuid_bytes(id.uuid())))
        .filter(Column::EndedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(heard.rows_affected > 0)
}

/// Stores the number of the last credential of a locked device.
pub async fn set_generation(
    transaction: &DatabaseTransaction,
    id: CheckpointDeviceId,
    generation: i64,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Generation, Expr::value(generation))
        .filter(Column::DeviceId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}
