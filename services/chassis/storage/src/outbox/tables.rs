//! The two tables: what a producer tells, and how far a follower has read.

use sea_orm::sea_query::{ColumnDef, Index, Table};
use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

use crate::column::counted_key;

pub mod outbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub sequence: Option<i64>,
        /// Random; the payload is bound to it.
        pub event_id: Vec<u8>,
        pub subject_id: Option<Vec<u8>>,
        pub payload: Vec<u8>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod followed {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "followed")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        pub sequence: i64,
        pub cursor: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// For a producer's migrations.
pub async fn create_outbox_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use outbox::Column;
    manager
        .create_table(
            Table::create()
                .table(outbox::Entity)
                .col(counted_key(Column::Id))
                .col(ColumnDef::new(Column::Sequence).big_integer().unique_key())
                .col(ColumnDef::new(Column::EventId).binary().not_null())
                .col(ColumnDef::new(Column::SubjectId).binary())
                .col(ColumnDef::new(Column::Payload).binary().not_null())
                .col(ColumnDef::new(Column::CreatedAt).big_integer().not_null())
                .to_owned(),
        )
        .await?;
    // Partial: as small as what waits for the relay.
    let waiting = "CREATE INDEX outbox_waiting ON outbox (id) WHERE sequence IS NULL";
    manager.get_connection().execute_unprepared(waiting).await?;
    let by_age = Index::create()
        .name("outbox_age")
        .table(outbox::Entity)
        .col(Column::CreatedAt)
        .to_owned();
    manager.create_index(by_age).await
}

/// For a follower's migrations.
pub async fn create_followed_table(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    use followed::Column;
    manager
        .create_table(
            Table::create()
                .table(followed::Entity)
                .col(ColumnDef::new(Column::Producer).string().not_null().primary_key())
                .col(ColumnDef::new(Column::Sequence).big_integer().not_null())
                .to_owned(),
        )
        .await
}

/// The migration step that notes where a follower reads on in the producer's own words.
#[derive(Debug, Clone, Copy)]
pub struct FollowedCursor;

impl MigrationName for FollowedCursor {
    fn name(&self) -> &'static str {
        "chassis_0002_followed_cursor"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for FollowedCursor {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut cursor = ColumnDef::new(followed::Column::Cursor);
        cursor.text().not_null().default("");
        let add = Table::alter()
            .table(followed::Entity)
            .add_column(cursor)
            .to_owned();
        manager.alter_table(add).await
    }
}
