//! Checks of history that go on by themselves.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::history_verifications::store::history_verification::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_history_verifications"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table(Entity)
            .col(ColumnDef::new(Column::Id).binary().not_null().primary_key())
            .col(ColumnDef::new(Column::SubjectId).binary())
            .col(ColumnDef::new(Column::CreatedAt).big_integer().not_null())
            .col(ColumnDef::new(Column::FinishedAt).big_integer())
            .col(ColumnDef::new(Column::CancelledAt).big_integer())
            .col(ColumnDef::new(Column::After).binary())
            .to_owned();
        for count in [Column::Subjects, Column::Intact, Column::Erased, Column::Broken] {
            table.col(ColumnDef::new(count).big_integer().not_null());
        }
        table.col(ColumnDef::new(Column::Breaks).text().not_null());
        manager.create_table(table).await
    }
}
