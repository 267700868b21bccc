//! People, accounts, and the chassis' tables.

use lutong_chassis::audit::create_audit_table;
use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use lutong_storage::outbox::create_followed_table;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::accounts::store::account;
use crate::people::store::person;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_people(manager).await?;
        create_accounts(manager).await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await?;
        create_followed_table(manager).await?;
        create_audit_table(manager).await
    }
}

async fn create_people(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use person::Column;
    manager
        .create_table(
            Table::create()
                .table(person::Entity)
                .col(
                    ColumnDef::new(Column::SubjectId)
                        .binary()
                        .not_null()
                        .primary_key(),
                )
                .col(
                    ColumnDef::new(Column::DocumentIndex)
                        .binary()
                        .not_null()
                        .unique_key(),
                )
                .col(ColumnDef::new(Column::FullName).binary())
                .col(ColumnDef::new(Column::Document).binary())
                .col(ColumnDef::new(Column::Mobile).binary())
                .col(ColumnDef::new(Column::Nationality).binary())
                .col(ColumnDef::new(Column::Home).binary())
                .col(ColumnDef::new(Column::RegisteredAt).big_integer())
                .col(ColumnDef::new(Column::ConfirmedAt).big_integer())
                .to_owned(),
        )
        .await?;
    // Partial: as small as what waits for its declaration.
    let unconfirmed = "CREATE INDEX people_unconfirmed ON people (registered_at) \
                       WHERE registered_at IS NOT NULL AND confirmed_at IS NULL";
    manager.get_connection().execute_unprepared(unconfirmed).await?;
    Ok(())
}

async fn create_accounts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use account::Column;
    manager
        .create_table(
            Table::create()
                .table(account::Entity)
                .col(
                    ColumnDef::new(Column::AccountId)
                        .string()
                        .not_null()
                        .primary_key(),
                )
                .col(ColumnDef::new(Column::SubjectId).binary())
                .col(ColumnDef::new(Column::Roles).string().not_null())
                .col(ColumnDef::new(Column::Division).big_integer())
                .col(ColumnDef::new(Column::FeedSource).string())
                .col(ColumnDef::new(Column::FeedKinds).text())
                .col(ColumnDef::new(Column::FeedDivisions).text())
                .col(
                    ColumnDef::new(Column::Disabled)
                        .boolean()
                        .not_null()
                        .default(false),
                )
                .to_owned(),
        )
        .await?;
    let by_subject = Index::create()
        .name("accounts_subject")
        .table(account::Entity)
        .col(Column::SubjectId)
        .to_owned();
    manager.create_index(by_subject).await
}
