//! The record of verifications.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, EntityTrait as _,
};

use super::tables::verification::{ActiveModel, Entity};

/// One verification.
#[derive(Debug, Clone)]
pub struct Verification {
    pub verified_at: Timestamp,
    /// Absent when the code was refused.
    pub province: Option<String>,
    /// Absent when the token cannot be read.
    pub key_id: Option<String>,
    pub trust_list_version: String,
    pub outcome: &'static str,
}

pub async fn append(
    transaction: &DatabaseTransaction,
    verification: Verification,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: NotSet,
        verified_at: Set(verification.verified_at.micros()),
        province: Set(verification.province),
        trust_list_version: Set(verification.trust_list_version),
        outcome: Set(verification.outcome.to_owned()),
        key_id: Set(verification.key_id),
    };
    Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}
