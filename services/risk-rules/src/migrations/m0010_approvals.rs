//! Who closed a designation and how, operations, and whose decisions they bring into force.

use lutong_chassis::operations::create_operations_table;
use sea_orm::sea_query::{Alias, ColumnDef, Index, IndexCreateStatement, IntoIden, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::designations::store::designation;
use crate::operations::store::operation_subject;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_approvals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        close_designations(manager).await?;
        create_operations(manager).await
    }
}

async fn close_designations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use designation::{Column, Entity};
    let renamed = Table::alter()
        .table(Entity)
        .rename_column(Alias::new("ended_at"), Column::ClosedAt)
        .to_owned();
    manager.alter_table(renamed).await?;
    for column in [Column::ClosedAs, Column::ClosedBy] {
        let added = Table::alter()
            .table(Entity)
            .add_column(ColumnDef::new(column).string())
            .to_owned();
        manager.alter_table(added).await?;
    }
    // Who ended those is not known; the audit log has it.
    let known = "UPDATE designations SET closed_as = 'ended', closed_by = '' WHERE closed_at IS NOT NULL";
    manager.get_connection().execute_unprepared(known).await?;
    // What a division's officers list, the newest first.
    manager
        .create_index(index(
            "designations_division",
            Entity,
            [Column::Division, Column::Id],
        ))
        .await
}

async fn create_operations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use operation_subject::Column as Of;
    create_operations_table(manager).await?;
    let subjects = Table::create()
        .table(operation_subject::Entity)
        .col(ColumnDef::new(Of::OperationId).binary().not_null())
        .col(ColumnDef::new(Of::SubjectId).binary().not_null())
        .primary_key(Index::create().col(Of::OperationId).col(Of::SubjectId))
        .to_owned();
    manager.create_table(subjects).await
}

fn index<C: IntoIden>(
    name: &str,
    table: impl sea_orm::sea_query::IntoTableRef,
    columns: [C; 2],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(column.into_iden());
    }
    index
}
