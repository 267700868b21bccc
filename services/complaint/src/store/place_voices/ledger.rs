//! The ledger of places: complaints in the order of their filing, and how many there are by division and kind.

use lutong_kernel::{DivisionCode, Fault, PlaceId};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, FromQueryResult as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::Entry;
use super::place_voice::{Column, Entity};
use crate::domain::accountability::voices::Finding;
use crate::domain::place::PlaceKind;
use crate::store::places::{id_bytes, place, read_kind};

/// Which complaints of the ledger.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub division: Option<DivisionCode>,
    pub place: Option<PlaceId>,
    pub is_unmatched: bool,
}

/// The position of a complaint in the ledger: the key of a page token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    filed_at: i64,
    number: String,
}

impl Position {
    pub fn of(entry: &Entry) -> Self {
        Self {
            filed_at: entry.filed_at.micros(),
            number: entry.number.as_str().to_owned(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.filed_at.to_be_bytes()[..], self.number.as_bytes()].concat()
    }

    /// Parses [`Self::bytes`] out of a page token.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (filed_at, number) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            filed_at: i64::from_be_bytes(*filed_at),
            number: String::from_utf8(number.to_vec()).ok()?,
        })
    }
}

/// Complaints of the division of the permit before a position, the last filed first.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: Filter,
    before: Option<Position>,
    limit: u64,
) -> Result<Vec<Entry>, StorageError> {
    let own = permit.jurisdiction().division();
    let mut query = Entity::find().filter(in_division(Column::Division, own));
    if let Some(division) = filter.division {
        query = query.filter(in_division(Column::Division, division));
    }
    if let Some(place) = filter.place {
        query = query.filter(Column::PlaceId.eq(id_bytes(place)));
    }
    if filter.is_unmatched {
        query = query.filter(Column::PlaceId.is_null());
    }
    if let Some(Position { filed_at, number }) = before {
        let at_once = Condition::all()
            .add(Column::CreatedAt.eq(filed_at))
            .add(Column::TrackingNumber.lt(number));
        let earlier = Condition::any().add(Column::CreatedAt.lt(filed_at)).add(at_once);
        query = query.filter(earlier);
    }
    let rows = query
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::TrackingNumber)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// How often places of a kind in a division were complained of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindTally {
    pub division: DivisionCode,
    pub kind: PlaceKind,
    pub complaints: i64,
    pub confirmed: i64,
    pub not_confirmed: i64,
    pub places: i64,
}

#[derive(sea_orm::FromQueryResult)]
struct TallyRow {
    division: i64,
    kind: String,
    complaints: i64,
    confirmed: i64,
    not_confirmed: i64,
    places: i64,
}

/// Complaints about places of a division, by their divisions and kinds.
pub async fn tallies(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    division: Option<DivisionCode>,
) -> Result<Vec<KindTally>, Fault> {
    let of_place = |column: place::Column| (place::Entity, column);
    let own = |column: Column| (Entity, column);
    let count_of = |finding: Finding| {
        Expr::cust(format!(
            "SUM(CASE WHEN place_voices.finding = '{}' THEN 1 ELSE 0 END)",
            finding.into_str()
        ))
    };
    let mut query = Query::select();
    query
        .columns([place::Column::Division, place::Column::Kind].map(of_place))
        .expr_as(Expr::cust("COUNT(*)"), "complaints")
        .expr_as(count_of(Finding::Confirmed), "confirmed")
        .expr_as(count_of(Finding::NotConfirmed), "not_confirmed")
        .expr_as(Expr::cust("COUNT(DISTINCT place_voices.place_id)"), "places")
        .from(Entity)
        .inner_join(
            place::Entity,
            Expr::col(of_place(place::Column::PlaceId)).equals(own(Column::PlaceId)),
        )
        .cond_where(in_division(
            place::Column::Division,
            permit.jurisdiction().division(),
        ))
        .group_by_columns([place::Column::Division, place::Column::Kind].map(of_place));
    if let Some(division) = division {
        query.cond_where(in_division(place::Column::Division, division));
    }
    let rows = connection
        .query_all_raw(connection.get_database_backend().build(&query))
        .await
        .map_err(StorageError::from)?;
    let mut tallies = Vec::with_capacity(rows.len());
    for row in rows {
        let row = TallyRow::from_query_result(&row, "").map_err(StorageError::from)?;
        tallies.push(KindTally {
            division: read_division(row.division, "places.division")?,
            kind: read_kind(&row.kind, "places.kind")?,
            complaints: row.complaints,
            confirmed: row.confirmed,
            not_confirmed: row.not_confirmed,
            places: row.places,
        });
    }
    Ok(tallies)
}
