//! The table `staff_sign_ins`.

use lutong_kernel::{CheckpointDeviceId, CheckpointId, StaffSignInId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::staff_sign_in::{ActiveModel, Column, Entity, Model};
use super::domain::{CodeHash, StaffSignIn};

pub mod staff_sign_in {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "staff_sign_ins")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub sign_in_id: Vec<u8>,
        pub device_id: Vec<u8>,
        pub checkpoint_id: Vec<u8>,
        pub account: String,
        /// Of the code that was used.
        pub code_hash: Vec<u8>,
        pub started_at: i64,
        pub expires_at: i64,
        pub ended_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<Model> for StaffSignIn {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let id = read_uuid(&row.sign_in_id, "staff_sign_ins.sign_in_id")?;
        let device = read_uuid(&row.device_id, "staff_sign_ins.device_id")?;
        let checkpoint = read_uuid(&row.checkpoint_id, "staff_sign_ins.checkpoint_id")?;
        Ok(Self {
            id: StaffSignInId::from_uuid(id),
            device: CheckpointDeviceId::from_uuid(device),
            checkpoint: CheckpointId::from_uuid(checkpoint),
            account: row.account,
            started_at: Timestamp::from_micros(row.started_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
        })
    }
}

/// Whoever was signed in at a device at an instant.
pub async fn in_force(
    connection: &impl ConnectionTrait,
    device: CheckpointDeviceId,
    at: Timestamp,
) -> Result<Option<StaffSignIn>, StorageError> {
    let not_ended = Condition::any()
        .add(Column::EndedAt.is_null())
        .add(Column::EndedAt.gt(at.micros()));
    let row = Entity::find()
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .filter(Column::StartedAt.lte(at.micros()))
        .filter(Column::ExpiresAt.gt(at.micros()))
        .filter(not_ended)
        .order_by_desc(Column::StartedAt)
        .limit(1)
        .one(connection)
        .await?;
    row.map(StaffSignIn::try_from).transpose()
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: StaffSignInId,
) -> Result<Option<StaffSignIn>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid())).one(connection).await?;
    row.map(StaffSignIn::try_from).transpose()
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    id: StaffSignInId,
) -> Result<Option<StaffSignIn>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(id.uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(StaffSignIn::try_from).transpose()
}

/// Whether somebody has signed in with a code.
pub async fn is_used(transaction: &DatabaseTransaction, code: CodeHash) -> Result<bool, StorageError> {
    let rows = Entity::find().filter(Column::CodeHash.eq(code.to_vec()));
    Ok(rows.count(transaction).await? > 0)
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    new: StaffSignIn,
    code: CodeHash,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        sign_in_id: Set(uuid_bytes(new.id.uuid())),
        device_id: Set(uuid_bytes(new.device.uuid())),
        checkpoint_id: Set(uuid_bytes(new.checkpoint.uuid())),
        account: Set(new.account),
        code_hash: Set(code.to_vec()),
        started_at: Set(new.started_at.micros()),
        expires_at: Set(new.expires_at.micros()),
        ended_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// Ends a sign-in.
pub async fn end(
    transaction: &DatabaseTransaction,
    id: StaffSignInId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::SignInId.eq(uuid_bytes(id.uuid())))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Ends whatever sign-in is not over at a locked device.
pub async fn end_at_device(
    transaction: &DatabaseTransaction,
    device: CheckpointDeviceId,
    at: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(at.micros()))
        .filter(Column::DeviceId.eq(uuid_bytes(device.uuid())))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(at.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Deletes sign-ins whose time was over before an instant; returns how many.
pub async fn delete_before(transaction: &DatabaseTransaction, at: Timestamp) -> Result<u64, StorageError> {
    let deleted = Entity::delete_many()
        .filter(Column::ExpiresAt.lt(at.micros()))
        .exec(transaction)
        .await?;
    Ok(deleted.rows_affected)
}
