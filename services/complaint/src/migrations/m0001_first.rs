//! Complaints, and the chassis' tables.

use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, IndexOrder, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::store::complaint as complaints;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use complaints::Column;
        manager
            .create_table(
                Table::create()
                    .table(complaints::Entity)
                    .col(
                        ColumnDef::new(Column::TrackingNumber)
                            .string()
                            .not_null()
                            .primary_key(),
                    )
                    .col(ColumnDef::new(Column::Account).binary().not_null())
                    .col(ColumnDef::new(Column::Category).string().not_null())
                    .col(ColumnDef::new(Column::CreatedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::Text).binary().not_null())
                    .to_owned(),
            )
            .await?;
        let of_account = Index::create()
            .name("complaints_account")
            .table(complaints::Entity)
            .col(Column::Account)
            .col((Column::CreatedAt, IndexOrder::Desc))
            .col(Column::TrackingNumber)
            .to_owned();
        manager.create_index(of_account).await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await
    }
}
