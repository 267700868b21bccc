//! What operators change of accounts, in order, and which version of an account a session belongs to.

use lutong_storage::column::counted_key;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::accounts::store::account;
use crate::accounts::store::account_changes::account_change;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0003_account_changes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let version = Table::alter()
            .table(account::Entity)
            .add_column(
                ColumnDef::new(account::Column::Version)
                    .big_integer()
                    .not_null()
                    .default(0),
            )
            .to_owned();
        manager.alter_table(version).await?;
        // Partial: feeds are few among millions of citizens.
        let feeds = "CREATE INDEX accounts_feed ON accounts (feed_source) WHERE feed_source IS NOT NULL";
        manager.get_connection().execute_unprepared(feeds).await?;
        create_changes(manager).await
    }
}

async fn create_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use account_change::Column;
    manager
        .create_table(
            Table::create()
                .table(account_change::Entity)
                .col(counted_key(Column::Sequence))
                .col(ColumnDef::new(Column::AccountId).string().not_null())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .col(ColumnDef::new(Column::ChangedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ChangedBy).string().not_null())
                .col(ColumnDef::new(Column::Action).string().not_null())
                .col(ColumnDef::new(Column::Detail).text().not_null())
                .to_owned(),
        )
        .await?;
    let by_account = Index::create()
        .name("account_changes_account")
        .table(account_change::Entity)
        .col(Column::AccountId)
        .to_owned();
    manager.create_index(by_account).await
}
