//! Designations by two officers.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Expr, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::designations::store::designation::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_designations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Entity)
                    .col(ColumnDef::new(Column::Id).binary().not_null().primary_key())
                    .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                    .col(ColumnDef::new(Column::Level).string().not_null())
                    .col(ColumnDef::new(Column::FromAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::UntilAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::LegalBasis).string().not_null())
                    .col(ColumnDef::new(Column::Division).big_integer().not_null())
                    .col(ColumnDef::new(Column::ProposedBy).string().not_null())
                    .col(ColumnDef::new(Column::ProposedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::ApprovedBy).string())
                    .col(ColumnDef::new(Column::ApprovedAt).big_integer())
                    // Two officers, whatever the code says.
                    .check(Expr::cust("approved_by IS NULL OR approved_by <> proposed_by"))
                    .to_owned(),
            )
            .await
    }
}
