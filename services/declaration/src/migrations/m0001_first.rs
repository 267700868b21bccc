//! Declarations, and the chassis' tables.

use lutong_chassis::audit::create_audit_table;
use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use lutong_storage::outbox::create_outbox_table;
use sea_orm::DbErr;
use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::declarations::store::declaration;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use declaration::Column;
        manager
            .create_table(
                Table::create()
                    .table(declaration::Entity)
                    .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                    .col(ColumnDef::new(Column::DeclarationId).binary().not_null())
                    .col(ColumnDef::new(Column::Kind).string().not_null())
                    .col(ColumnDef::new(Column::Account).binary().not_null())
                    .col(ColumnDef::new(Column::CreatedAt).big_integer().not_null())
                    .col(ColumnDef::new(Column::CommitmentVersion).string().not_null())
                    .col(ColumnDef::new(Column::Statements).binary().not_null())
                    .col(ColumnDef::new(Column::Normalisations).string().not_null())
                    .col(ColumnDef::new(Column::AbroadDays).string().not_null())
                    .col(ColumnDef::new(Column::Provenance).text())
                    .col(ColumnDef::new(Column::InForceAt).big_integer())
                    .primary_key(Index::create().col(Column::SubjectId).col(Column::DeclarationId))
                    .to_owned(),
            )
            .await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await?;
        create_outbox_table(manager).await?;
        create_audit_table(manager).await
    }
}
