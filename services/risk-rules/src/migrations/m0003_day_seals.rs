//! Roots of the days' decisions.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::history::store::day_seal::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_day_seals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Entity)
                    .col(ColumnDef::new(Column::Day).integer().not_null().primary_key())
                    .col(ColumnDef::new(Column::SealedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::Decisions).big_integer().not_null())
                    .col(ColumnDef::new(Column::Buckets).binary().not_null())
                    .col(ColumnDef::new(Column::Root).binary().not_null())
                    .col(ColumnDef::new(Column::Proof).binary().not_null())
                    .to_owned(),
            )
            .await
    }
}
