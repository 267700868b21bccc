//! Rows of notices that an officer must place.

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
use uuid::Uuid;

use super::areas::CHUNK;
use super::tables::unplaced::{ActiveModel, Column, Entity, Model};
use crate::domain::area::AreaEntry;
use crate::domain::notice::intervals::Span;
use crate::domain::notice::{Reason, Unplaced};

/// A row, and where it was placed.
#[derive(Debug, Clone)]
pub struct UnplacedRow {
    /// In the order in which notices brought them.
    pub number: i64,
    pub id: Uuid,
    pub row: Unplaced,
    /// From the first notice that listed it to the first that did no more.
    pub span: Span,
    pub placement: Option<Placement>,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    Waiting,
    Placed,
    /// Listed no more, and placed by nobody.
    Lapsed,
}

impl RowState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Placed => "PLACED",
            Self::Lapsed => "LAPSED",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub code: DivisionCode,
    pub community: Option<String>,
    /// The account.
    pub officer: String,
    pub at: Timestamp,
}

impl UnplacedRow {
    /// `unplaced-areas/{unplaced_area}`.
    pub fn name(&self) -> String {
        format!("unplaced-areas/{}", self.id)
    }

    pub const fn state(&self) -> RowState {
        match (&self.placement, self.span.to) {
            (Some(_), _) => RowState::Placed,
            (None, None) => RowState::Waiting,
            (None, Some(_)) => RowState::Lapsed,
        }
    }

    /// Of what an action may change.
    pub fn etag(&self) -> Etag {
        let to = self.span.to.map(|to| to.micros().to_string());
        Etag::of(&self.name(), [self.state().as_str(), &to.unwrap_or_default()])
    }

    /// The listing that the notice would have opened.
    pub fn area(&self, placement: &Placement, recorded_at: Timestamp) -> AreaEntry {
        AreaEntry {
            code: placement.code,
            community: placement.community.clone(),
            level: self.row.level,
            from: self.span.from,
            to: self.span.to,
            recorded_at,
        }
    }
}

fn read(row: Model) -> Result<UnplacedRow, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("unplaced_areas.{what}"));
    let reason = Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == row.reason);
    let placement = match (row.placed_code, row.placed_at) {
        (Some(code), Some(at)) => Some(Placement {
            code: read_division(code, "unplaced_areas.placed_code")?,
            community: row.placed_community,
            officer: row.placed_by.unwrap_or_default(),
            at: Timestamp::from_micros(at),
        }),
        _ => None,
    };
    Ok(UnplacedRow {
        number: row.id,
        id: read_uuid(&row.uid, "unplaced_areas.uid")?,
        row: Unplaced {
            place: row.place,
            community: row.community,
            level: row.level.parse().map_err(|_| damaged("level"))?,
            reason: reason.ok_or_else(|| damaged("reason"))?,
        },
        span: Span {
            from: Timestamp::from_micros(row.published_at),
            to: row.ended_at.map(Timestamp::from_micros),
        },
        placement,
    })
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    rows: &[(Uuid, Unplaced, Span)],
) -> Result<(), StorageError> {
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|(id, row, span)| ActiveModel {
            id: NotSet,
            uid: Set(uuid_bytes(*id)),
            published_at: Set(span.from.micros()),
            ended_at: Set(span.to.map(Timestamp::micros)),
            place: Set(row.place.clone()),
            community: Set(row.community.clone()),
            level: Set(row.level.as_str().to_owned()),
            reason: Set(row.reason.as_str().to_owned()),
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

/// Rows that are listed still.
pub async fn open(connection: &impl ConnectionTrait) -> Result<Vec<UnplacedRow>, StorageError> {
    let rows = Entity::find()
        .filter(Column::EndedAt.is_null())
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Rows that notices began to list within a time, its ends included.
pub async fn beginning(
    connection: &impl ConnectionTrait,
    first: Timestamp,
    last: Timestamp,
) -> Result<Vec<UnplacedRow>, StorageError> {
    let rows = Entity::find()
        .filter(Column::PublishedAt.between(first.micros(), last.micros()))
        .all(connection)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Notes that rows are listed no more.
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

pub async fn find(connection: &impl ConnectionTrait, id: Uuid) -> Result<Option<UnplacedRow>, StorageError> {
    let row = Entity::find()
        .filter(Column::Uid.eq(uuid_bytes(id)))
        .one(connection)
        .await?;
    row.map(read).transpose()
}

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

/// Rows after one, in the order in which notices brought them.
pub async fn list(
    connection: &impl ConnectionTrait,
    state: Option<RowState>,
    after: i64,
    limit: u64,
) -> Result<Vec<UnplacedRow>, StorageError> {
    let mut query = Entity::find().filter(Column::Id.gt(after));
    query = match state {
        None => query,
        Some(RowState::Placed) => query.filter(Column::PlacedAt.is_not_null()),
        Some(RowState::Waiting) => query
            .filter(Column::PlacedAt.is_null())
            .filter(Column::EndedAt.is_null()),
        Some(RowState::Lapsed) => query
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
