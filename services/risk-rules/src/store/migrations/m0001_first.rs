//! Subjects, statements, decisions, areas, and the chassis' tables.

use lutong_chassis::audit::create_audit_table;
use lutong_chassis::crypto::create_data_keys_table;
use lutong_chassis::idempotency::create_idempotency_table;
use lutong_chassis::outbox::{create_followed_table, create_outbox_table};
use sea_orm::sea_query::{ColumnDef, Expr, Index, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::store::tables::{area, decision, notice, statement, subject, unplaced};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_subjects(manager).await?;
        create_statements(manager).await?;
        create_decisions(manager).await?;
        create_areas(manager).await?;
        create_notices(manager).await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await?;
        create_outbox_table(manager).await?;
        create_followed_table(manager).await?;
        create_audit_table(manager).await
    }
}

async fn create_subjects(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use subject::Column;
    manager
        .create_table(
            Table::create()
                .table(subject::Entity)
                .col(
                    ColumnDef::new(Column::SubjectId)
                        .binary()
                        .not_null()
                        .primary_key(),
                )
                .col(ColumnDef::new(Column::EnrolledAt).big_integer())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .col(ColumnDef::new(Column::NextChangeAt).big_integer())
                .to_owned(),
        )
        .await?;
    // Partial: as small as what is to change.
    let due = "CREATE INDEX subjects_due ON subjects (next_change_at) WHERE next_change_at IS NOT NULL";
    manager.get_connection().execute_unprepared(due).await?;
    Ok(())
}

async fn create_statements(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use statement::Column;
    manager
        .create_table(
            Table::create()
                .table(statement::Entity)
                .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                .col(ColumnDef::new(Column::FactId).binary().not_null())
                .col(ColumnDef::new(Column::Source).string().not_null())
                .col(ColumnDef::new(Column::Key).string().not_null())
                .col(ColumnDef::new(Column::Kind).string())
                .col(ColumnDef::new(Column::Attributes).binary())
                .col(ColumnDef::new(Column::TargetId).binary())
                .col(ColumnDef::new(Column::Reason).text())
                .col(ColumnDef::new(Column::RecordedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::SupersededAt).big_integer())
                .col(ColumnDef::new(Column::Fingerprint).binary().not_null())
                .primary_key(Index::create().col(Column::SubjectId).col(Column::FactId))
                .to_owned(),
        )
        .await?;
    let by_key = Index::create()
        .name("statements_key")
        .table(statement::Entity)
        .col(Column::Source)
        .col(Column::Key)
        .unique()
        .to_owned();
    manager.create_index(by_key).await?;
    let by_kind = Index::create()
        .name("statements_kind")
        .table(statement::Entity)
        .col(Column::Kind)
        .col(Column::SubjectId)
        .to_owned();
    manager.create_index(by_kind).await
}

async fn create_decisions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use decision::Column;
    manager
        .create_table(
            Table::create()
                .table(decision::Entity)
                .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                .col(ColumnDef::new(Column::Version).big_integer().not_null())
                .col(ColumnDef::new(Column::DecisionId).binary().not_null())
                .col(ColumnDef::new(Column::Colour).integer().not_null())
                .col(ColumnDef::new(Column::CitationCount).integer().not_null())
                .col(ColumnDef::new(Column::Citations).text().not_null())
                .col(ColumnDef::new(Column::RuleSet).string().not_null())
                .col(ColumnDef::new(Column::RuleSetVersion).string().not_null())
                .col(ColumnDef::new(Column::EvaluatedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::NextChangeAt).big_integer())
                .col(ColumnDef::new(Column::Hash).binary().not_null())
                .primary_key(Index::create().col(Column::SubjectId).col(Column::Version))
                // No red or yellow without a citation, and no green with one.
                .check(Expr::cust("(colour = 0) = (citation_count = 0)"))
                .to_owned(),
        )
        .await
}

async fn create_areas(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use area::Column;
    manager
        .create_table(
            Table::create()
                .table(area::Entity)
                .col(
                    ColumnDef::new(Column::Id)
                        .big_integer()
                        .not_null()
                        .auto_increment()
                        .primary_key(),
                )
                .col(ColumnDef::new(Column::Code).big_integer().not_null())
                .col(ColumnDef::new(Column::Community).text())
                .col(ColumnDef::new(Column::Level).string().not_null())
                .col(ColumnDef::new(Column::FromAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ToAt).big_integer())
                .col(ColumnDef::new(Column::RecordedAt).big_integer().not_null())
                .to_owned(),
        )
        .await
}

async fn create_notices(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(notice::Entity)
                .col(
                    ColumnDef::new(notice::Column::PublishedAt)
                        .big_integer()
                        .not_null()
                        .primary_key(),
                )
                .col(
                    ColumnDef::new(notice::Column::RecordedAt)
                        .big_integer()
                        .not_null(),
                )
                .col(ColumnDef::new(notice::Column::Listed).big_integer().not_null())
                .col(
                    ColumnDef::new(notice::Column::NeedsPlacement)
                        .big_integer()
                        .not_null(),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table(unplaced::Entity)
                .col(
                    ColumnDef::new(unplaced::Column::Id)
                        .big_integer()
                        .not_null()
                        .auto_increment()
                        .primary_key(),
                )
                .col(
                    ColumnDef::new(unplaced::Column::PublishedAt)
                        .big_integer()
                        .not_null(),
                )
                .col(ColumnDef::new(unplaced::Column::Place).text().not_null())
                .col(ColumnDef::new(unplaced::Column::Community).text().not_null())
                .col(ColumnDef::new(unplaced::Column::Level).string().not_null())
                .col(ColumnDef::new(unplaced::Column::Reason).string().not_null())
                .to_owned(),
        )
        .await
}
