//! The record names the key, so that what a withdrawn key vouched for can be found.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::store::verification;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_key_of_verification"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = ColumnDef::new(verification::Column::KeyId).string().to_owned();
        manager
            .alter_table(
                Table::alter()
                    .table(verification::Entity)
                    .add_column(key)
                    .to_owned(),
            )
            .await
    }
}
