//! Codes, signing keys, and the chassis' tables.

use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::outbox::create_followed_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::codes::store::code;
use crate::keys::store::signing_key;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use code::Column;
        manager
            .create_table(
                Table::create()
                    .table(code::Entity)
                    .col(
                        ColumnDef::new(Column::SubjectId)
                            .binary()
                            .not_null()
                            .primary_key(),
                    )
                    .col(ColumnDef::new(Column::DecisionId).binary().not_null())
                    .col(ColumnDef::new(Column::Colour).integer().not_null())
                    .col(ColumnDef::new(Column::Version).big_integer().not_null())
                    .col(ColumnDef::new(Column::EvaluatedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::NextChangeAt).big_integer())
                    .col(ColumnDef::new(Column::Mask).binary())
                    .to_owned(),
            )
            .await?;
        create_signing_keys(manager).await?;
        create_data_keys_table(manager).await?;
        create_followed_table(manager).await
    }
}

async fn create_signing_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use signing_key::Column;
    manager
        .create_table(
            Table::create()
                .table(signing_key::Entity)
                .col(
                    ColumnDef::new(Column::Number)
                        .big_integer()
                        .not_null()
                        .primary_key(),
                )
                .col(ColumnDef::new(Column::PrivateKey).binary().not_null())
                .col(ColumnDef::new(Column::NotBefore).big_integer().not_null())
                .col(ColumnDef::new(Column::NotAfter).big_integer())
                .col(ColumnDef::new(Column::RevokedAt).big_integer())
                .to_owned(),
        )
        .await
}
