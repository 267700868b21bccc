//! Subjects, statements, decisions, areas, and the chassis' tables.

use lutong_chassis::audit::create_audit_table;
use lutong_storage::column::counted_key;
use lutong_storage::crypto::create_data_keys_table;
use lutong_storage::idempotency::create_idempotency_table;
use lutong_storage::outbox::{create_followed_table, create_outbox_table};
use sea_orm::sea_query::{ColumnDef, Expr, Index, PostgresQueryBuilder, Table, TableCreateStatement};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::areas::store::area;
use crate::areas::store::notice;
use crate::decisions::store::decision;
use crate::facts::store::statements::statement;
use crate::facts::store::stay_places::stay_place as place;
use crate::rule_sets::store::documents;
use crate::rule_sets::store::documents::rule_set;
use crate::subjects::store::rosters::roster;
use crate::subjects::store::subject;
use crate::unplaced_areas::store::unplaced_area as unplaced;
use lutong_risk_engine::rule_set::RuleSet;

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
        create_rule_sets(manager).await?;
        create_areas(manager).await?;
        create_notices(manager).await?;
        create_data_keys_table(manager).await?;
        create_idempotency_table(manager).await?;
        create_outbox_table(manager).await?;
        create_followed_table(manager).await?;
        create_audit_table(manager).await
    }
}

/// Partitions of the subjects on PostgreSQL: what work over everyone is divided into.
const PARTITIONS: u32 = 16;

async fn create_subjects(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use subject::Column;
    let table = Table::create()
        .table(subject::Entity)
        .col(ColumnDef::new(Column::SubjectId).binary().not_null().primary_key())
        .col(ColumnDef::new(Column::EnrolledAt).big_integer())
        .col(ColumnDef::new(Column::Roster).big_integer())
        .col(ColumnDef::new(Column::Facts).binary())
        .col(ColumnDef::new(Column::LatestAt).big_integer().not_null())
        .col(ColumnDef::new("undecided_since").big_integer())
        .col(ColumnDef::new(Column::Version).big_integer().not_null())
        .col(ColumnDef::new(Column::Colour).integer().not_null())
        .col(ColumnDef::new(Column::Rules).big_integer().not_null())
        .col(ColumnDef::new(Column::RuleSet).big_integer().not_null())
        .col(ColumnDef::new(Column::NextChangeAt).big_integer())
        .col(ColumnDef::new(Column::Cited).big_integer().not_null())
        .col(ColumnDef::new(Column::Salt).binary())
        .col(ColumnDef::new(Column::Head).binary())
        // No red or yellow without a rule, and no green with one.
        .check(Expr::cust("(colour = 0) = (rules = 0)"))
        .to_owned();
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        let sql = table.to_string(PostgresQueryBuilder);
        connection
            .execute_unprepared(&format!("{sql} PARTITION BY HASH (subject_id)"))
            .await?;
        for part in 0..PARTITIONS {
            // Room in each page for the new version of a row, so that a decision does not touch the indexes.
            let sql = format!(
                "CREATE TABLE subjects_{part} PARTITION OF subjects FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {part}) WITH (fillfactor = 80)"
            );
            connection.execute_unprepared(&sql).await?;
        }
    } else {
        // Rows lie in the order of their key, which is the order in which a run over everyone reads them.
        create_by_key(manager, table).await?;
    }
    // Partial: as small as what is to be done.
    for (index, column) in [
        ("subjects_due", "next_change_at"),
        ("subjects_undecided", "undecided_since"),
    ] {
        let sql = format!("CREATE INDEX {index} ON subjects ({column}) WHERE {column} IS NOT NULL");
        connection.execute_unprepared(&sql).await?;
    }
    create_rosters(manager).await?;
    create_stay_places(manager).await
}

/// On SQLite rows lie in the primary key's own tree: a row is written once, not once more as an entry of an index.
async fn create_by_key(manager: &SchemaManager<'_>, mut table: TableCreateStatement) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    manager.create_table(table).await
}

async fn create_rosters(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use roster::Column;
    manager
        .create_table(
            Table::create()
                .table(roster::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::Count).big_integer().not_null())
                .col(ColumnDef::new(Column::Digest).binary().not_null())
                .to_owned(),
        )
        .await
}

async fn create_stay_places(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use place::Column;
    let table = Table::create()
        .table(place::Entity)
        .col(ColumnDef::new(Column::Place).big_integer().not_null())
        .col(ColumnDef::new(Column::SubjectId).binary().not_null())
        .primary_key(Index::create().col(Column::Place).col(Column::SubjectId))
        .to_owned();
    create_by_key(manager, table).await
}

async fn create_rule_sets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use rule_set::Column;
    manager
        .create_table(
            Table::create()
                .table(rule_set::Entity)
                .col(counted_key(Column::Number))
                .col(ColumnDef::new(Column::Id).string().not_null())
                .col(ColumnDef::new(Column::Version).string().not_null())
                .col(ColumnDef::new(Column::Document).text().not_null())
                .col(ColumnDef::new(Column::RecordedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::ActiveFrom).big_integer())
                .to_owned(),
        )
        .await?;
    let by_name = Index::create()
        .name("rule_sets_name")
        .table(rule_set::Entity)
        .col(Column::Id)
        .col(Column::Version)
        .unique()
        .to_owned();
    manager.create_index(by_name).await?;
    documents::seed(manager.get_connection(), RuleSet::sd_2020(), RuleSet::SD_2020).await
}

async fn create_statements(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use statement::Column;
    manager
        .create_table(
            Table::create()
                .table(statement::Entity)
                .col(ColumnDef::new(Column::SubjectId).binary().not_null())
                .col(ColumnDef::new(Column::FactId).binary().not_null())
                .col(ColumnDef::new(Column::Name).binary().not_null())
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
    let by_name = Index::create()
        .name("statements_name")
        .table(statement::Entity)
        .col(Column::Name)
        .unique()
        .to_owned();
    manager.create_index(by_name).await
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
                .col(ColumnDef::new(Column::Citations).text())
                .col(ColumnDef::new(Column::RuleSet).string().not_null())
                .col(ColumnDef::new(Column::RuleSetVersion).string().not_null())
                .col(ColumnDef::new(Column::EvaluatedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::NextChangeAt).big_integer())
                .col(ColumnDef::new(Column::Entry).binary().not_null())
                .primary_key(Index::create().col(Column::SubjectId).col(Column::Version))
                // No red or yellow without a citation, and no green with one.
                .check(Expr::cust("(colour = 0) = (citation_count = 0)"))
                .to_owned(),
        )
        .await?;
    // A day's decisions, for its root.
    let by_day = Index::create()
        .name("decisions_evaluated")
        .table(decision::Entity)
        .col(Column::EvaluatedAt)
        .to_owned();
    manager.create_index(by_day).await
}

async fn create_areas(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use area::Column;
    manager
        .create_table(
            Table::create()
                .table(area::Entity)
                .col(counted_key(Column::Id))
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
                .col(counted_key(unplaced::Column::Id))
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
