//! The table `told_codes`: what origins said lately, for conversions that are being stored at this moment.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _,
};

use super::{ROWS, Source, damaged};
use crate::conversions::domain::Told;
use crate::partners::domain::PartnerId;

pub mod told_code {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "told_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub partner: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub reference: String,
        pub outcome: String,
        pub changed_at: i64,
        pub told_at: i64,
        /// Of the batch that told it.
        pub number: i64,
        pub key_id: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Keeps what an origin said, for conversions that are being stored at this moment.
pub async fn save(
    transaction: &DatabaseTransaction,
    origin: PartnerId,
    told: &[Told],
    source: &Source,
    now: Timestamp,
) -> Result<(), StorageError> {
    for some in told.chunks(ROWS) {
        let rows = some.iter().map(|one| told_code::ActiveModel {
            partner: Set(origin.to_string()),
            reference: Set(one.reference.clone()),
            outcome: Set(one.outcome.into_str().to_owned()),
            changed_at: Set(one.changed_at.micros()),
            told_at: Set(now.micros()),
            number: Set(source.number.into()),
            key_id: Set(source.key_id.clone()),
        });
        let columns = [
            told_code::Column::Outcome,
            told_code::Column::ChangedAt,
            told_code::Column::ToldAt,
            told_code::Column::Number,
            told_code::Column::KeyId,
        ];
        let known = OnConflict::columns([told_code::Column::Partner, told_code::Column::Reference])
            .update_columns(columns)
            .to_owned();
        told_code::Entity::insert_many(rows)
            .on_conflict(known)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// What an origin said last of a code, lately.
pub async fn find(
    connection: &impl ConnectionTrait,
    origin: PartnerId,
    reference: &str,
) -> Result<Option<(Told, Source)>, StorageError> {
    let row = told_code::Entity::find_by_id((origin.to_string(), reference.to_owned()))
        .one(connection)
        .await?;
    let said = |row: told_code::Model| {
        let told = Told {
            reference: row.reference,
            outcome: row.outcome.parse().map_err(|_| damaged("told_outcome"))?,
            changed_at: Timestamp::from_micros(row.changed_at),
        };
        let number = u32::try_from(row.number).map_err(|_| damaged("told_number"))?;
        let key_id = row.key_id;
        Ok((told, Source { number, key_id }))
    };
    row.map(said).transpose()
}

/// Forgets what was told before an instant.
pub async fn forget(transaction: &DatabaseTransaction, before: Timestamp) -> Result<(), StorageError> {
    told_code::Entity::delete_many()
        .filter(told_code::Column::ToldAt.lt(before.micros()))
        .exec(transaction)
        .await?;
    Ok(())
}
