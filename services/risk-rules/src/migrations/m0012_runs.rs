//! Runs over everyone get ids that name them, and may be cancelled.

use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::recomparisons::store::recomparison::{Column, Entity};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_runs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One at a time: SQLite adds one column in a statement.
        for mut column in [
            ColumnDef::new(Column::Uid).binary().to_owned(),
            ColumnDef::new(Column::CancelledAt).big_integer().to_owned(),
        ] {
            let added = Table::alter().table(Entity).add_column(&mut column).to_owned();
            manager.alter_table(added).await?;
        }
        let connection = manager.get_connection();
        let random = match connection.get_database_backend() {
            DbBackend::Postgres => "uuid_send(gen_random_uuid())",
            _ => "randomblob(16)",
        };
        let named = format!("UPDATE recomparisons SET uid = {random}");
        connection.execute_unprepared(&named).await?;
        let by_uid = Index::create()
            .name("recomparisons_uid")
            .table(Entity)
            .col(Column::Uid)
            .unique()
            .to_owned();
        manager.create_index(by_uid).await
    }
}
