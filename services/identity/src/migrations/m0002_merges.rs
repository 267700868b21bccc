//! Subjects that are one person, what was published of where somebody lives, and the log that tells of both.

use lutong_storage::outbox::create_outbox_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::merges::store::merge;
use crate::people::store::person;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_merges"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_outbox_table(manager).await?;
        let published = Table::alter()
            .table(person::Entity)
            .add_column(ColumnDef::new(person::Column::PublishedDivision).big_integer())
            .to_owned();
        manager.alter_table(published).await?;
        create_merges(manager).await
    }
}

async fn create_merges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use merge::Column;
    manager
        .create_table(
            Table::create()
                .table(merge::Entity)
                .col(ColumnDef::new(Column::FromId).binary().not_null())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .col(ColumnDef::new(Column::IntoId).binary().not_null())
                .col(ColumnDef::new(Column::MergedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::MergedBy).string().not_null())
                .col(ColumnDef::new(Column::Reason).text().not_null())
                .col(ColumnDef::new(Column::UnmergedAt).big_integer())
                .col(ColumnDef::new(Column::UnmergedBy).string())
                .col(ColumnDef::new(Column::UnmergeReason).text())
                .primary_key(Index::create().col(Column::FromId).col(Column::Version))
                .to_owned(),
        )
        .await?;
    let into = Index::create()
        .name("merges_into")
        .table(merge::Entity)
        .col(Column::IntoId)
        .to_owned();
    manager.create_index(into).await
}
