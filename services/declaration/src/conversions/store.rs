//! The table `converted_codes`: which arrival a conversion belongs to.

use lutong_kernel::{ApplicationId, ConversionId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_uuid, uuid_bytes};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _};

use self::converted_code::{ActiveModel, Column, Entity};

pub mod converted_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "converted_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub conversion_id: Vec<u8>,
        /// Keyed hash of the account that made the arrival.
        pub account: Vec<u8>,
        pub declaration_id: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An arrival, by the account that made it.
pub type ArrivalOf = ([u8; 32], ApplicationId);

pub async fn insert(
    transaction: &DatabaseTransaction,
    conversion: ConversionId,
    (account, arrival): ArrivalOf,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        conversion_id: Set(uuid_bytes(conversion.uuid())),
        account: Set(account.to_vec()),
        declaration_id: Set(uuid_bytes(arrival.uuid())),
    };
    let known = OnConflict::column(Column::ConversionId).do_nothing().to_owned();
    Entity::insert(row)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// The arrival that was made with a conversion.
pub async fn find(
    connection: &impl ConnectionTrait,
    conversion: ConversionId,
) -> Result<Option<ArrivalOf>, StorageError> {
    let row = Entity::find_by_id(uuid_bytes(conversion.uuid()))
        .one(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let damaged = |_| StorageError::Damaged("converted_codes.account".to_owned());
    let id = read_uuid(&row.declaration_id, "converted_codes.declaration_id")?;
    Ok(Some((
        row.account.try_into().map_err(damaged)?,
        ApplicationId::from_uuid(id),
    )))
}
