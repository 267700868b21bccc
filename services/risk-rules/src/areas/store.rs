//! Risk areas and imported notices as stored.

use lutong_kernel::Timestamp;
use lutong_storage::StorageError;
use lutong_storage::column::read_division;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use area::{ActiveModel, Column, Entity, Model};
use lutong_risk_engine::area::AreaEntry;

/// The table `areas`.
pub mod area {
    use sea_orm::entity::prelude::*;

    /// Append-only: a later row with the same code, community, level and start replaces an earlier one.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub code: i64,
        pub community: Option<String>,
        pub level: String,
        pub from_at: i64,
        pub to_at: Option<i64>,
        pub recorded_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `notices`.
pub mod notice {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub published_at: i64,
        pub recorded_at: i64,
        pub listed: i64,
        pub needs_placement: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows in one statement: below SQLite's limit of 32,766 parameters.
pub const CHUNK: usize = 2_000;

fn entry(row: Model) -> Result<AreaEntry, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("areas.{what}"));
    Ok(AreaEntry {
        code: read_division(row.code, "areas.code")?,
        community: row.community,
        level: row.level.parse().map_err(|_| damaged("level"))?,
        from: Timestamp::from_micros(row.from_at),
        to: row.to_at.map(Timestamp::from_micros),
        recorded_at: Timestamp::from_micros(row.recorded_at),
    })
}

/// Entries with an id greater than `after`, and the greatest id among them.
pub async fn after(
    connection: &impl ConnectionTrait,
    after: i64,
) -> Result<(Vec<AreaEntry>, i64), StorageError> {
    let rows = Entity::find()
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .all(connection)
        .await?;
    let last = rows.last().map_or(after, |row| row.id);
    let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok((entries, last))
}

pub async fn insert(transaction: &DatabaseTransaction, entries: &[AreaEntry]) -> Result<(), StorageError> {
    for chunk in entries.chunks(CHUNK) {
        let rows = chunk.iter().map(|entry| ActiveModel {
            id: NotSet,
            code: Set(i64::from(entry.code.number())),
            community: Set(entry.community.clone()),
            level: Set(entry.level.into_str().to_owned()),
            from_at: Set(entry.from.micros()),
            to_at: Set(entry.to.map(Timestamp::micros)),
            recorded_at: Set(entry.recorded_at.micros()),
        });
        Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// When the newest imported notice was published.
pub async fn last_notice(connection: &impl ConnectionTrait) -> Result<Option<Timestamp>, StorageError> {
    let last: Option<Option<i64>> = notice::Entity::find()
        .select_only()
        .column_as(notice::Column::PublishedAt.max(), "last")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(last.flatten().map(Timestamp::from_micros))
}

/// Notes that a notice was imported.
pub async fn insert_notice(
    transaction: &DatabaseTransaction,
    published_at: Timestamp,
    recorded_at: Timestamp,
    listed: i64,
    needs_placement: i64,
) -> Result<(), StorageError> {
    let row = notice::ActiveModel {
        published_at: Set(published_at.micros()),
        recorded_at: Set(recorded_at.micros()),
        listed: Set(listed),
        needs_placement: Set(needs_placement),
    };
    notice::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
