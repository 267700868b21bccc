//! The record of verifications.

use lutong_chassis::storage::StorageError;
use lutong_kernel::Timestamp;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, EntityTrait as _,
};

use super::tables::verification::{ActiveModel, Entity};

pub async fn append(
    transaction: &DatabaseTransaction,
    verified_at: Timestamp,
    province: Option<String>,
    trust_list_version: String,
    outcome: &'static str,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: NotSet,
        verified_at: Set(verified_at.micros()),
        province: Set(province),
        trust_list_version: Set(trust_list_version),
        outcome: Set(outcome.to_owned()),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}
