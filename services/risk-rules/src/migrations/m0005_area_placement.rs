//! Rows that an officer placed and until when they were listed; key areas that officers proposed and approved.

use lutong_storage::column::counted_key;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::key_areas::store::key_area;
use crate::unplaced_areas::store::unplaced_area as unplaced;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_area_placement"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds one column in a statement.
        for mut column in [
            ColumnDef::new(unplaced::Column::EndedAt).big_integer().to_owned(),
            ColumnDef::new(unplaced::Column::PlacedAt)
                .big_integer()
                .to_owned(),
            ColumnDef::new(unplaced::Column::PlacedBy).text().to_owned(),
            ColumnDef::new(unplaced::Column::PlacedCode)
                .big_integer()
                .to_owned(),
            ColumnDef::new(unplaced::Column::PlacedCommunity)
                .text()
                .to_owned(),
        ] {
            let add = Table::alter()
                .table(unplaced::Entity)
                .add_column(&mut column)
                .to_owned();
            manager.alter_table(add).await?;
        }
        // What a notice's import asks: the rows that are listed still.
        let by_end = Index::create()
            .name("unplaced_areas_end")
            .table(unplaced::Entity)
            .col(unplaced::Column::EndedAt)
            .to_owned();
        manager.create_index(by_end).await?;
        create_key_areas(manager).await
    }
}

async fn create_key_areas(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use key_area::Column;
    manager
        .create_table(
            Table::create()
                .table(key_area::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::Code).big_integer().not_null())
                .col(ColumnDef::new(Column::FromAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ToAt).big_integer())
                .col(ColumnDef::new(Column::LegalBasis).string().not_null())
                .col(ColumnDef::new(Column::ProposedBy).text().not_null())
                .col(ColumnDef::new(Column::ProposedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ApprovedBy).text())
                .col(ColumnDef::new(Column::ApprovedAt).big_integer())
                .to_owned(),
        )
        .await
}
