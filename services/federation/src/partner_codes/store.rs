//! The table `verifications`: append-only, nothing personal.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseTransaction, EntityTrait as _,
};

use self::verification::{ActiveModel, Entity};

pub mod verification {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "verifications")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub verified_at: i64,
        /// Absent when the code was refused.
        pub province: Option<String>,
        pub trust_list_version: String,
        pub outcome: String,
        /// The id of the key that the token names, in hex; absent when the token cannot be read.
        pub key_id: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A verification to record.
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

/// Records a verification.
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
