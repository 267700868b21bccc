//! Verifications, and the chassis' tables.

use lutong_storage::column::counted_key;
use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::store::verification;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use verification::Column;
        manager
            .create_table(
                Table::create()
                    .table(verification::Entity)
                    .col(counted_key(Column::Id))
                    .col(ColumnDef::new(Column::VerifiedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::Province).string())
                    .col(ColumnDef::new(Column::TrustListVersion).string().not_null())
                    .col(ColumnDef::new(Column::Outcome).string().not_null())
                    .to_owned(),
            )
            .await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await
    }
}
