//! The table `bindings`: read by binder and ward, written only by a newer version.

use lutong_kernel::SubjectId;
use lutong_storage::StorageError;
use lutong_storage::column::{subject_bytes, uuid_bytes};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QuerySelect as _,
};

use self::binding::{ActiveModel, Column, Entity};
use super::domain::BindingCopy;

pub mod binding {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bindings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub binder_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ward_id: Vec<u8>,
        #[sea_orm(primary_key, auto_increment = false)]
        pub binding_id: Vec<u8>,
        pub version: i64,
        /// Whether the binder may show the code.
        pub active: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Whether a binding of these two is active.
pub async fn is_active(
    connection: &impl ConnectionTrait,
    binder: SubjectId,
    ward: SubjectId,
) -> Result<bool, StorageError> {
    let found = Entity::find()
        .select_only()
        .column(Column::BindingId)
        .filter(Column::BinderId.eq(subject_bytes(binder)))
        .filter(Column::WardId.eq(subject_bytes(ward)))
        .filter(Column::Active.eq(true))
        .into_tuple::<Vec<u8>>()
        .one(connection)
        .await?;
    Ok(found.is_some())
}

/// Writes those of `copies`, at most one a binding, that are newer than the stored row, and returns how many were written.
pub async fn upsert_newer(
    transaction: &DatabaseTransaction,
    copies: Vec<BindingCopy>,
) -> Result<u64, StorageError> {
    if copies.is_empty() {
        return Ok(0);
    }
    let rows = copies.into_iter().map(|copy| ActiveModel {
        binder_id: Set(subject_bytes(copy.binder)),
        ward_id: Set(subject_bytes(copy.ward)),
        binding_id: Set(uuid_bytes(copy.binding)),
        version: Set(copy.version),
        active: Set(copy.is_active),
    });
    let newer = OnConflict::columns([Column::BinderId, Column::WardId, Column::BindingId])
        .update_columns([Column::Version, Column::Active])
        .action_and_where(Expr::cust("excluded.version > bindings.version"))
        .to_owned();
    let written = Entity::insert_many(rows)
        .on_conflict(newer)
        .exec_without_returning(transaction)
        .await?;
    Ok(written)
}
