//! Databases that are asked on a schedule: how far each is, and which of its rows were refused.

use lutong_storage::column::counted_key;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::pulls::store::pull;
use crate::pulls::store::refusals::pull_refusal;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_pulls"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_pulls(manager).await?;
        create_refusals(manager).await
    }
}

async fn create_pulls(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use pull::Column;
    let count = |column| ColumnDef::new(column).big_integer().not_null().take();
    manager
        .create_table(
            Table::create()
                .table(pull::Entity)
                .col(ColumnDef::new(Column::Source).string().not_null().primary_key())
                .col(count(Column::CreatedAt))
                .col(ColumnDef::new(Column::Cursor).text().not_null())
                .col(ColumnDef::new(Column::CursorAt).big_integer())
                .col(ColumnDef::new(Column::LastAttemptAt).big_integer())
                .col(ColumnDef::new(Column::LastSuccessAt).big_integer())
                .col(count(Column::NextDueAt))
                .col(ColumnDef::new(Column::OverdueAt).big_integer())
                .col(ColumnDef::new(Column::Error).string())
                .col(ColumnDef::new(Column::ErrorZh).text().not_null())
                .col(ColumnDef::new(Column::ErrorEn).text().not_null())
                .col(count(Column::Accepted))
                .col(count(Column::Unchanged))
                .col(count(Column::Refused))
                .col(count(Column::PageAccepted))
                .col(count(Column::PageUnchanged))
                .col(count(Column::PageRefused))
                .col(ColumnDef::new(Column::LeaseOwner).string())
                .col(count(Column::LeaseUntil))
                .to_owned(),
        )
        .await
}

async fn create_refusals(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use pull_refusal::Column;
    manager
        .create_table(
            Table::create()
                .table(pull_refusal::Entity)
                .col(counted_key(Column::Number))
                .col(ColumnDef::new(Column::Source).string().not_null())
                .col(ColumnDef::new(Column::After).text().not_null())
                .col(ColumnDef::new(Column::Row).integer().not_null())
                .col(ColumnDef::new(Column::Field).string().not_null())
                .col(ColumnDef::new(Column::Reason).string().not_null())
                .col(ColumnDef::new(Column::At).big_integer().not_null())
                .to_owned(),
        )
        .await?;
    let by_source = Index::create()
        .name("pull_refusals_source")
        .table(pull_refusal::Entity)
        .col(Column::Source)
        .col(Column::Number)
        .to_owned();
    manager.create_index(by_source).await
}
