//! Rows of notices that an officer has to place, as stored.

use lutong_chassis::etag::Etag;
use lutong_kernel::{DivisionCode, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_division, read_uuid, uuid_bytes};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use strum::IntoStaticStr;
use uuid::Uuid;

use lutong_risk_engine::area::AreaEntry;
use lutong_risk_engine::notice::UnplacedListing;
use lutong_risk_engine::notice::intervals::NoticePeriod;
use unplaced_area::{ActiveModel, Column, Entity, Model};

/// The table `unplaced_areas`.
pub mod unplaced_area {
    use sea_orm::entity::prelude::*;

    /// A row of a notice that an officer has to place.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "unplaced_areas")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        /// The id of the resource.
        pub uid: Vec<u8>,
        pub published_at: i64,
        pub place: String,
        pub community: String,
        pub level: String,
        pub reason: String,
        /// The publication of the first notice that no longer lists it.
        pub ended_at: Option<i64>,
        /// Absent, as the following columns, until an officer has placed the row.
        pub placed_at: Option<i64>,
        /// The officer's account.
        pub placed_by: Option<String>,
        pub placed_code: Option<i64>,
        /// Absent if the whole division is listed.
        pub placed_community: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Rows in one statement: below SQLite's limit of 32,766 parameters.
const CHUNK: usize = 2_000;

/// A row that an officer has to place, and its placement.
#[derive(Debug, Clone)]
pub struct UnplacedArea {
    /// Rows are numbered in the order in which notices listed them.
    pub number: i64,
    pub id: Uuid,
    pub row: UnplacedListing,
    /// From the first notice that listed the row until the first that no longer did.
    pub period: NoticePeriod,
    pub placement: Option<Placement>,
}

/// The state of a row. The text form appears in faults and etags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE", const_into_str)]
pub enum UnplacedAreaState {
    Waiting,
    Placed,
    /// No longer listed and never placed.
    Lapsed,
}

/// Where an officer placed a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub code: DivisionCode,
    pub community: Option<String>,
    /// The account of the officer.
    pub officer: String,
    pub at: Timestamp,
}

impl UnplacedArea {
    /// `unplaced-areas/{unplaced_area}`.
    pub fn name(&self) -> String {
        format!("unplaced-areas/{}", self.id)
    }

    pub const fn state(&self) -> UnplacedAreaState {
        match (&self.placement, self.period.to) {
            (Some(_), _) => UnplacedAreaState::Placed,
            (None, None) => UnplacedAreaState::Waiting,
            (None, Some(_)) => UnplacedAreaState::Lapsed,
        }
    }

    /// The tag of everything that an action may change.
    pub fn etag(&self) -> Etag {
        let to = self.period.to.map(|to| to.micros().to_string());
        Etag::of(&self.name(), [self.state().into_str(), &to.unwrap_or_default()])
    }

    /// The listing that the notice would have opened if the row were unambiguous.
    pub fn area(&self, placement: &Placement, recorded_at: Timestamp) -> AreaEntry {
        AreaEntry {
            code: placement.code,
            community: placement.community.clone(),
            level: self.row.level,
            from: self.period.from,
            to: self.period.to,
            recorded_at,
        }
    }
}

fn read(row: Model) -> Result<UnplacedArea, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("unplaced_areas.{what}"));
    let placement = match (row.placed_code, row.placed_at) {
        (Some(code), Some(at)) => Some(Placement {
            code: read_division(code, "unplaced_areas.placed_code")?,
            community: row.placed_community,
            officer: row.placed_by.unwrap_or_default(),
            at: Timestamp::from_micros(at),
        }),
        _ => None,
    };
    Ok(UnplacedArea {
        number: row.id,
        id: read_uuid(&row.uid, "unplaced_areas.uid")?,
        row: UnplacedListing {
            place: row.place,
            community: row.community,
            level: row.level.parse().map_err(|_| damaged("level"))?,
            reason: row.reason.parse().map_err(|_| damaged("reason"))?,
        },
        period: NoticePeriod {
            from: Timestamp::from_micros(row.published_at),
            to: row.ended_at.map(Timestamp::from_micros),
        },
        placement,
    })
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    rows: &[(Uuid, UnplacedListing, NoticePeriod)],
) -> Result<(), StorageError> {
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|(id, row, span)| ActiveModel {
            id: NotSet,
            uid: Set(uuid_bytes(*id)),
            published_at: Set(span.from.micros()),
            ended_at: Set(span.to.map(Timestamp::micros)),
            place: Set(row.place.clone()),
            community: Set(row.community.clone()),
            level: Set(row.level.into_str().to_owned()),
            reason: Set(row.reason.into_str().to_owned()),
            placed_at: Set(None),
            placed_by: Set(None),
            placed_code: Set(None),
            placed_community: Set(None),
        });
        Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Rows that are still listed.
pub async fn open(connection: &impl ConnectionTrait) -> Result<Vec<UnplacedArea>, StorageError> {
    let rows = Entity::find()
        .filter(Column::EndedAt.is_null())
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Rows whose listing began in a closed period.
pub async fn beginning(
    connection: &impl ConnectionTrait,
    first: Timestamp,
    last: Timestamp,
) -> Result<Vec<UnplacedArea>, StorageError> {
    let rows = Entity::find()
        .filter(Column::PublishedAt.between(first.micros(), last.micros()))
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Ends the listing of rows.
pub async fn end(
    transaction: &DatabaseTransaction,
    numbers: &[i64],
    at: Timestamp,
) -> Result<(), StorageError> {
    for chunk in numbers.chunks(CHUNK) {
        Entity::update_many()
            .col_expr(Column::EndedAt, Expr::value(at.micros()))
            .filter(Column::Id.is_in(chunk.iter().copied()))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<UnplacedArea>, StorageError> {
    let row = Entity::find()
        .filter(Column::Uid.eq(uuid_bytes(id)))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

/// Stores the placement of a row.
pub async fn place(
    transaction: &DatabaseTransaction,
    number: i64,
    placement: &Placement,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(number),
        placed_at: Set(Some(placement.at.micros())),
        placed_by: Set(Some(placement.officer.clone())),
        placed_code: Set(Some(i64::from(placement.code.number()))),
        placed_community: Set(placement.community.clone()),
        ..ActiveModel::default()
    };
    Entity::update(row).exec(transaction).await?;
    Ok(())
}

/// Rows after a number, in ascending order.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<UnplacedAreaState>,
    after: i64,
    limit: u64,
) -> Result<Vec<UnplacedArea>, StorageError> {
    let mut query = Entity::find().filter(Column::Id.gt(after));
    query = match state {
        None => query,
        Some(UnplacedAreaState::Placed) => query.filter(Column::PlacedAt.is_not_null()),
        Some(UnplacedAreaState::Waiting) => query
            .filter(Column::PlacedAt.is_null())
            .filter(Column::EndedAt.is_null()),
        Some(UnplacedAreaState::Lapsed) => query
            .filter(Column::PlacedAt.is_null())
            .filter(Column::EndedAt.is_not_null()),
    };
    let rows = query
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}
