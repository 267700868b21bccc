//! Rule sets are rejected or withdrawn where they were cancelled; who did it, and when.

use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::rule_sets::store::changes::rule_change::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_rule_set_closing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds one column in a statement.
        for mut column in [
            ColumnDef::new(Column::Closer).string().to_owned(),
            ColumnDef::new(Column::ClosedAt).big_integer().to_owned(),
        ] {
            let added = Table::alter().table(Entity).add_column(&mut column).to_owned();
            manager.alter_table(added).await?;
        }
        let renamed = "UPDATE rule_changes SET state = 'withdrawn' WHERE state = 'cancelled'";
        manager.get_connection().execute_unprepared(renamed).await?;
        Ok(())
    }
}
