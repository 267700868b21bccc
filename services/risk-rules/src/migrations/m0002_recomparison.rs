//! Runs over everyone, their parts and what they found.

use lutong_storage::column::counted_key;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::recomparisons::store::findings::recomparison_finding as finding;
use crate::recomparisons::store::parts::recomparison_part;
use crate::recomparisons::store::recomparison;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_recomparison"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_runs(manager).await?;
        create_parts(manager).await?;
        create_findings(manager).await
    }
}

async fn create_runs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use recomparison::Column;
    manager
        .create_table(
            Table::create()
                .table(recomparison::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::Day).integer().unique_key())
                .col(ColumnDef::new(Column::EvaluatedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::Roster).big_integer().not_null())
                .col(ColumnDef::new(Column::Expected).big_integer().not_null())
                .col(ColumnDef::new(Column::ExpectedDigest).binary().not_null())
                .col(ColumnDef::new(Column::FinishedAt).big_integer())
                .to_owned(),
        )
        .await
}

async fn create_parts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use recomparison_part::Column;
    manager
        .create_table(
            Table::create()
                .table(recomparison_part::Entity)
                .col(ColumnDef::new(Column::Run).big_integer().not_null())
                .col(ColumnDef::new(Column::Part).integer().not_null())
                .col(ColumnDef::new(Column::FromKey).binary())
                .col(ColumnDef::new(Column::UntilKey).binary())
                .col(ColumnDef::new(Column::LeaseOwner).string())
                .col(ColumnDef::new(Column::LeaseUntil).big_integer().not_null())
                .col(ColumnDef::new(Column::DoneAt).big_integer())
                .col(ColumnDef::new(Column::Seen).big_integer().not_null())
                .col(ColumnDef::new(Column::SeenDigest).binary().not_null())
                .col(ColumnDef::new(Column::Green).big_integer().not_null())
                .col(ColumnDef::new(Column::Yellow).big_integer().not_null())
                .col(ColumnDef::new(Column::Red).big_integer().not_null())
                .primary_key(Index::create().col(Column::Run).col(Column::Part))
                .to_owned(),
        )
        .await
}

async fn create_findings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use finding::Column;
    manager
        .create_table(
            Table::create()
                .table(finding::Entity)
                .col(ColumnDef::new(Column::Run).big_integer().not_null())
                .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                .col(ColumnDef::new(Column::Kind).string().not_null())
                .col(ColumnDef::new(Column::ColourBefore).integer().not_null())
                .col(ColumnDef::new(Column::ColourAfter).integer().not_null())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .primary_key(Index::create().col(Column::Run).col(Column::SubjectId))
                .to_owned(),
        )
        .await
}
