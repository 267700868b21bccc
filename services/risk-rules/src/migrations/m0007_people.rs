//! What identity tells: who is one person, and in which division somebody lives.

use lutong_storage::column::counted_key;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::people::store::merge;
use crate::subjects::store::subject;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_people"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let division = Table::alter()
            .table(subject::Entity)
            .add_column(ColumnDef::new(subject::Column::Division).big_integer())
            .to_owned();
        manager.alter_table(division).await?;
        create_merges(manager).await
    }
}

async fn create_merges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use merge::Column;
    manager
        .create_table(
            Table::create()
                .table(merge::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                .col(ColumnDef::new(Column::IntoId).binary())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .col(ColumnDef::new(Column::RecordedAt).big_integer().not_null())
                .to_owned(),
        )
        .await?;
    let by_subject = Index::create()
        .name("merges_subject")
        .table(merge::Entity)
        .col(Column::SubjectId)
        .col(Column::Version)
        .unique()
        .to_owned();
    manager.create_index(by_subject).await?;
    let by_into = Index::create()
        .name("merges_into")
        .table(merge::Entity)
        .col(Column::IntoId)
        .to_owned();
    manager.create_index(by_into).await
}
