//! Rollbacks by two accounts, and when a designation was ended.

use sea_orm::DbErr;
use sea_orm::sea_query::{Alias, ColumnDef, Expr, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::designations::store::designation;
use crate::rollbacks::store::rollback;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_rollbacks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ended = Table::alter()
            .table(designation::Entity)
            .add_column(ColumnDef::new(Alias::new("ended_at")).big_integer())
            .to_owned();
        manager.alter_table(ended).await?;
        create_rollbacks(manager).await
    }
}

async fn create_rollbacks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use rollback::Column;
    manager
        .create_table(
            Table::create()
                .table(rollback::Entity)
                .col(ColumnDef::new(Column::Id).binary().not_null().primary_key())
                .col(ColumnDef::new(Column::Source).string().not_null())
                .col(ColumnDef::new(Column::FromAt).big_integer().not_null())
                .col(ColumnDef::new(Column::UntilAt).big_integer().not_null())
                .col(ColumnDef::new(Column::Reason).text().not_null())
                .col(ColumnDef::new(Column::Divisions).text().not_null())
                .col(ColumnDef::new(Column::Preview).text().not_null())
                .col(ColumnDef::new(Column::State).string().not_null())
                .col(ColumnDef::new(Column::ProposedBy).string().not_null())
                .col(ColumnDef::new(Column::ProposedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ApprovedBy).string())
                .col(ColumnDef::new(Column::ApprovedAt).big_integer())
                .col(ColumnDef::new(Column::ClosedBy).string())
                .col(ColumnDef::new(Column::ClosedAt).big_integer())
                .col(ColumnDef::new(Column::After).binary())
                .col(count(Column::Subjects))
                .col(count(Column::Retracted))
                .col(count(Column::Restated))
                .col(count(Column::Redecided))
                // Two accounts, whatever the code says.
                .check(Expr::cust("approved_by IS NULL OR approved_by <> proposed_by"))
                .to_owned(),
        )
        .await?;
    let by_state = Index::create()
        .name("rollbacks_state")
        .table(rollback::Entity)
        .col(Column::State)
        .to_owned();
    manager.create_index(by_state).await
}

fn count(column: rollback::Column) -> ColumnDef {
    let mut definition = ColumnDef::new(column);
    definition.big_integer().not_null();
    definition
}
