//! The record of calls that the contract says are to be recorded: who, what, what for, how it ended. Append-only.

use futures::FutureExt as _;
use lutong_kernel::Fault;
use sea_orm::sea_query::{ColumnDef, Table};
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, DbErr, EntityTrait as _};
use sea_orm_migration::SchemaManager;

use crate::server::{AuditSink, CallRecord};
use crate::storage::column::counted_key;
use crate::storage::{Database, StorageError};

mod record {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_records")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub recorded_at: i64,
        pub rpc: String,
        pub caller: String,
        pub principal: String,
        pub purpose: Option<String>,
        pub outcome: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table, for a service's migrations.
pub async fn create_audit_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use record::Column;
    manager
        .create_table(
            Table::create()
                .table(record::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::RecordedAt).big_integer().not_null())
                .col(ColumnDef::new(Column::Rpc).string().not_null())
                .col(ColumnDef::new(Column::Caller).string().not_null())
                .col(ColumnDef::new(Column::Principal).string().not_null())
                .col(ColumnDef::new(Column::Purpose).string())
                .col(ColumnDef::new(Column::Outcome).string().not_null())
                .to_owned(),
        )
        .await
}

/// Audit records in a service's own database.
#[derive(Debug, Clone)]
pub struct AuditLog(Database);

impl AuditLog {
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait::async_trait]
impl AuditSink for AuditLog {
    async fn record(&self, call: CallRecord) -> Result<(), Fault> {
        let row = record::ActiveModel {
            id: NotSet,
            recorded_at: Set(call.at.micros()),
            rpc: Set(call.rpc.to_owned()),
            caller: Set(call.caller.as_str_name().to_owned()),
            principal: Set(call.principal),
            purpose: Set(call.purpose),
            outcome: Set(crate::telemetry::code_label(call.outcome).to_owned()),
        };
        let append = self.0.write(move |transaction| {
            async move {
                record::Entity::insert(row)
                    .exec_without_returning(transaction)
                    .await?;
                Ok::<_, StorageError>(())
            }
            .boxed()
        });
        Ok(append.await?)
    }
}
