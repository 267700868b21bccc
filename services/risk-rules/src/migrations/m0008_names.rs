//! Names of statements keep the order of a source's own numbering, and nobody waits undecided behind an import any more:
//! who did is decided about as due at once.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::facts::store::statements;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_names"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for sql in [
            "UPDATE subjects SET next_change_at = undecided_since WHERE undecided_since IS NOT NULL",
            "DROP INDEX subjects_undecided",
            "ALTER TABLE subjects DROP COLUMN undecided_since",
        ] {
            connection.execute_unprepared(sql).await?;
        }
        statements::rename(connection).await
    }
}
