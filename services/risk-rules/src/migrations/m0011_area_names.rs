//! Key areas and rows to be placed get ids that name them, and who closed a key area.

use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::key_areas::store::key_area;
use crate::unplaced_areas::store::unplaced_area as unplaced;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0011_area_names"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use key_area::Column;
        // One at a time: SQLite adds one column in a statement.
        for mut column in [
            ColumnDef::new(Column::Uid).binary().to_owned(),
            ColumnDef::new(Column::ClosedAs).string().to_owned(),
            ColumnDef::new(Column::ClosedBy).string().to_owned(),
            ColumnDef::new(Column::ClosedAt).big_integer().to_owned(),
        ] {
            let added = Table::alter()
                .table(key_area::Entity)
                .add_column(&mut column)
                .to_owned();
            manager.alter_table(added).await?;
        }
        let added = Table::alter()
            .table(unplaced::Entity)
            .add_column(ColumnDef::new(unplaced::Column::Uid).binary())
            .to_owned();
        manager.alter_table(added).await?;
        let connection = manager.get_connection();
        let random = match connection.get_database_backend() {
            DbBackend::Postgres => "uuid_send(gen_random_uuid())",
            _ => "randomblob(16)",
        };
        for statement in [
            format!("UPDATE key_areas SET uid = {random}"),
            format!("UPDATE unplaced_areas SET uid = {random}"),
            "UPDATE key_areas SET legal_basis = CASE legal_basis WHEN 'emergency-measures' THEN 'PICL-42' \
             WHEN 'epidemic-area' THEN 'PICL-43' ELSE 'JOINT-MECHANISM' END"
                .to_owned(),
        ] {
            connection.execute_unprepared(&statement).await?;
        }
        let key_areas = Index::create()
            .name("key_areas_uid")
            .table(key_area::Entity)
            .col(key_area::Column::Uid)
            .unique()
            .to_owned();
        manager.create_index(key_areas).await?;
        let rows = Index::create()
            .name("unplaced_areas_uid")
            .table(unplaced::Entity)
            .col(unplaced::Column::Uid)
            .unique()
            .to_owned();
        manager.create_index(rows).await
    }
}
