//! Rule sets on their way from announcement to force.

use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::rule_sets::store::changes::rule_change::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_rule_changes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(Entity)
                    .col(
                        ColumnDef::new(Column::Number)
                            .big_integer()
                            .not_null()
                            .primary_key(),
                    )
                    .col(ColumnDef::new(Column::State).string().not_null())
                    .col(ColumnDef::new(Column::Author).string().not_null())
                    .col(ColumnDef::new(Column::Approver).string())
                    .col(ColumnDef::new(Column::EffectiveFrom).big_integer().not_null())
                    .col(ColumnDef::new(Column::AnnouncedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::ApprovedAt).big_integer())
                    .col(ColumnDef::new(Column::ExpectedChanges).big_integer().not_null())
                    .col(ColumnDef::new(Column::Cases).text().not_null())
                    .col(ColumnDef::new(Column::PreviewAskedAt).big_integer())
                    .col(ColumnDef::new(Column::Preview).text())
                    .col(ColumnDef::new(Column::Guard).text())
                    .col(ColumnDef::new(Column::Run).big_integer())
                    .col(ColumnDef::new(Column::LeaseOwner).string())
                    .col(ColumnDef::new(Column::LeaseUntil).big_integer().not_null())
                    .to_owned(),
            )
            .await
    }
}
