//! Imports in several calls: how far each is, why rows were refused, and rows that wait to be stored together.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, IntoIden, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::fact_imports::store::{fact_import, fact_import_error, fact_import_row};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_fact_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_imports(manager).await?;
        create_errors(manager).await?;
        create_rows(manager).await
    }
}

fn number(column: impl IntoIden) -> ColumnDef {
    ColumnDef::new(column).big_integer().not_null().take()
}

async fn create_imports(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use fact_import::{Column, Entity};
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(ColumnDef::new(Column::ImportId).binary().not_null().primary_key())
                .col(ColumnDef::new(Column::Source).string().not_null())
                .col(ColumnDef::new(Column::Mode).string().not_null())
                .col(ColumnDef::new(Column::State).string().not_null())
                .col(number(Column::NextRow))
                .col(number(Column::Accepted))
                .col(number(Column::Unchanged))
                .col(number(Column::Refused))
                .col(number(Column::Redecided))
                .col(ColumnDef::new(Column::Pending).binary())
                .col(number(Column::CreatedAt))
                .col(ColumnDef::new(Column::FinishedAt).big_integer())
                .to_owned(),
        )
        .await?;
    let by_source = Index::create()
        .name("fact_imports_source")
        .table(Entity)
        .col(Column::Source)
        .col(Column::ImportId)
        .to_owned();
    manager.create_index(by_source).await?;
    let by_age = Index::create()
        .name("fact_imports_created")
        .table(Entity)
        .col(Column::CreatedAt)
        .to_owned();
    manager.create_index(by_age).await
}

async fn create_errors(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use fact_import_error::{Column, Entity};
    let key = Index::create()
        .col(Column::ImportId)
        .col(Column::Row)
        .col(Column::Nth)
        .to_owned();
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(ColumnDef::new(Column::ImportId).binary().not_null())
                .col(number(Column::Row))
                .col(number(Column::Nth))
                .col(ColumnDef::new(Column::Field).text().not_null())
                .col(ColumnDef::new(Column::Reason).string().not_null())
                .col(ColumnDef::new(Column::Zh).text().not_null())
                .col(ColumnDef::new(Column::En).text().not_null())
                .primary_key(&mut key.clone())
                .to_owned(),
        )
        .await
}

async fn create_rows(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use fact_import_row::{Column, Entity};
    let key = Index::create().col(Column::ImportId).col(Column::Row).to_owned();
    manager
        .create_table(
            Table::create()
                .table(Entity)
                .col(ColumnDef::new(Column::ImportId).binary().not_null())
                .col(number(Column::Row))
                .col(ColumnDef::new(Column::Statement).binary().not_null())
                .primary_key(&mut key.clone())
                .to_owned(),
        )
        .await
}
