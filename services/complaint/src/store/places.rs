//! The tables `places` and `place_names`: the register of places, and what each is called. A name is there once in a division.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lutong_kernel::{DivisionCode, PlaceId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division, read_uuid, uuid_bytes};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};
use uuid::Uuid;

use crate::domain::place::{Place, PlaceKind, PlaceName, StatedName, normal};

pub mod place {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "places")]
    pub struct Model {
        /// Ordered by time.
        #[sea_orm(primary_key, auto_increment = false)]
        pub place_id: Vec<u8>,
        /// The code as a number.
        pub division: i64,
        pub kind: String,
        pub display_name: String,
        pub merged_into: Option<Vec<u8>>,
        /// The account of whoever registered it.
        pub created_by: String,
        pub created_at: i64,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod place_name {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "place_names")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub division: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub normal_name: String,
        pub place_id: Vec<u8>,
        pub spelling: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The id in a column of a place.
pub(super) fn read_id(bytes: &[u8], column: &str) -> Result<PlaceId, StorageError> {
    read_uuid(bytes, column).map(PlaceId::from_uuid)
}

pub(super) fn id_bytes(id: PlaceId) -> Vec<u8> {
    uuid_bytes(id.uuid())
}

/// Rows with their names, in the order of the rows.
async fn read_all(
    connection: &impl ConnectionTrait,
    rows: Vec<place::Model>,
) -> Result<Vec<Place>, StorageError> {
    let ids: Vec<Vec<u8>> = rows.iter().map(|row| row.place_id.clone()).collect();
    let mut names: BTreeMap<Vec<u8>, Vec<PlaceName>> = BTreeMap::new();
    if !ids.is_empty() {
        let found = place_name::Entity::find()
            .filter(place_name::Column::PlaceId.is_in(ids))
            .order_by_asc(place_name::Column::NormalName)
            .all(connection)
            .await?;
        for row in found {
            names.entry(row.place_id).or_default().push(PlaceName {
                spelling: row.spelling,
                normal: row.normal_name,
            });
        }
    }
    rows.into_iter()
        .map(|row| {
            let names = names.remove(&row.place_id).unwrap_or_default();
            read(row, names)
        })
        .collect()
}

fn read(row: place::Model, names: Vec<PlaceName>) -> Result<Place, StorageError> {
    let name = PlaceName {
        normal: normal(&row.display_name),
        spelling: row.display_name,
    };
    let merged_into = row.merged_into.as_deref();
    let merged_into = merged_into.map(|into| read_id(into, "places.merged_into"));
    Ok(Place {
        id: read_id(&row.place_id, "places.place_id")?,
        division: read_division(row.division, "places.division")?,
        kind: read_kind(&row.kind, "places.kind")?,
        aliases: names
            .into_iter()
            .filter(|one| one.normal != name.normal)
            .collect(),
        name,
        merged_into: merged_into.transpose()?,
        created_by: row.created_by,
        created_at: Timestamp::from_micros(row.created_at),
        version: row.version,
    })
}

pub(super) fn read_kind(kind: &str, column: &str) -> Result<PlaceKind, StorageError> {
    kind.parse().map_err(|_| StorageError::Damaged(column.to_owned()))
}

/// Stores a place without its names. The caller has checked that the permit covers its division.
pub async fn insert(transaction: &DatabaseTransaction, place: &Place) -> Result<(), StorageError> {
    let row = place::ActiveModel {
        place_id: Set(id_bytes(place.id)),
        division: Set(i64::from(place.division.number())),
        kind: Set(place.kind.into_str().to_owned()),
        display_name: Set(place.name.spelling.clone()),
        merged_into: Set(None),
        created_by: Set(place.created_by.clone()),
        created_at: Set(place.created_at.micros()),
        version: Set(place.version),
    };
    place::Entity::insert(row)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Gives a place a name; `Some` names the place of the division that has it already.
pub async fn insert_name(
    transaction: &DatabaseTransaction,
    (division, id): (DivisionCode, PlaceId),
    name: &PlaceName,
) -> Result<Option<PlaceId>, StorageError> {
    let division = i64::from(division.number());
    let row = place_name::ActiveModel {
        division: Set(division),
        normal_name: Set(name.normal.clone()),
        place_id: Set(id_bytes(id)),
        spelling: Set(name.spelling.clone()),
    };
    let inserted = place_name::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    if inserted > 0 {
        return Ok(None);
    }
    let known = place_name::Entity::find_by_id((division, name.normal.clone()))
        .one(transaction)
        .await?
        // A merge has moved it meanwhile.
        .ok_or(StorageError::Contended)?;
    read_id(&known.place_id, "place_names.place_id").map(Some)
}

/// The place of a division that a complaint states: by all that is stated before what stands before a street.
pub async fn stated(
    connection: &impl ConnectionTrait,
    division: DivisionCode,
    name: &StatedName,
) -> Result<Option<PlaceId>, StorageError> {
    let names = [&name.whole, &name.head].map(String::as_str);
    let rows = place_name::Entity::find()
        .filter(place_name::Column::Division.eq(i64::from(division.number())))
        .filter(place_name::Column::NormalName.is_in(names.into_iter().filter(|name| !name.is_empty())))
        .all(connection)
        .await?;
    let found = names
        .into_iter()
        .find_map(|name| rows.iter().find(|row| row.normal_name == name));
    found
        .map(|row| read_id(&row.place_id, "place_names.place_id"))
        .transpose()
}

/// The places that complaints state, by division and name, as names are compared.
pub async fn stated_all<'a>(
    connection: &impl ConnectionTrait,
    stated: impl IntoIterator<Item = (DivisionCode, &'a StatedName)>,
) -> Result<HashMap<(DivisionCode, String), PlaceId>, StorageError> {
    let (mut divisions, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (division, name) in stated {
        divisions.insert(i64::from(division.number()));
        names.extend(
            [&name.whole, &name.head]
                .into_iter()
                .filter(|name| !name.is_empty()),
        );
    }
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = place_name::Entity::find()
        .filter(place_name::Column::Division.is_in(divisions))
        .filter(place_name::Column::NormalName.is_in(names))
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            let division = read_division(row.division, "place_names.division")?;
            let place = read_id(&row.place_id, "place_names.place_id")?;
            Ok(((division, row.normal_name), place))
        })
        .collect()
}

/// A place of the division of the permit.
pub async fn find(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    id: PlaceId,
) -> Result<Option<Place>, StorageError> {
    let own = in_division(place::Column::Division, permit.jurisdiction().division());
    let query = place::Entity::find_by_id(id_bytes(id)).filter(own);
    let row = query.one(connection).await?;
    let found = read_all(connection, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Like [`find`], locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: PlaceId,
) -> Result<Option<Place>, StorageError> {
    let own = in_division(place::Column::Division, permit.jurisdiction().division());
    let query = place::Entity::find_by_id(id_bytes(id)).filter(own);
    let row = query.lock_exclusive().one(transaction).await?;
    let found = read_all(transaction, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// A place whose complaints are weighed, locked until the end of the transaction. One that another transaction has locked is left to it.
pub async fn lock_to_weigh(
    transaction: &DatabaseTransaction,
    id: PlaceId,
) -> Result<Option<Place>, StorageError> {
    let row = place::Entity::find_by_id(id_bytes(id))
        .lock_with_behavior(
            sea_orm::sea_query::LockType::Update,
            sea_orm::sea_query::LockBehavior::SkipLocked,
        )
        .one(transaction)
        .await?;
    row.map(|row| read(row, Vec::new())).transpose()
}

/// Says that a locked place has changed.
pub async fn touch(transaction: &DatabaseTransaction, id: PlaceId) -> Result<(), StorageError> {
    place::Entity::update_many()
        .col_expr(place::Column::Version, Expr::col(place::Column::Version).add(1))
        .filter(place::Column::PlaceId.eq(id_bytes(id)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Makes a locked place one with another locked one, which gets its names.
pub async fn merge(
    transaction: &DatabaseTransaction,
    from: PlaceId,
    into: PlaceId,
) -> Result<(), StorageError> {
    place_name::Entity::update_many()
        .col_expr(place_name::Column::PlaceId, Expr::value(id_bytes(into)))
        .filter(place_name::Column::PlaceId.eq(id_bytes(from)))
        .exec(transaction)
        .await?;
    place::Entity::update_many()
        .col_expr(place::Column::MergedInto, Expr::value(id_bytes(into)))
        .filter(place::Column::PlaceId.eq(id_bytes(from)))
        .exec(transaction)
        .await?;
    touch(transaction, from).await?;
    touch(transaction, into).await
}

/// Which places.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub division: Option<DivisionCode>,
    pub kind: Option<PlaceKind>,
    /// A name, as names are compared.
    pub normal_name: Option<String>,
}

/// Places of the division of the permit before an id, the last registered first.
pub async fn list(
    connection: &impl ConnectionTrait,
    permit: DivisionPermit,
    filter: &Filter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Place>, StorageError> {
    let own = in_division(place::Column::Division, permit.jurisdiction().division());
    let mut query = place::Entity::find()
        .filter(own)
        .filter(place::Column::MergedInto.is_null());
    if let Some(division) = filter.division {
        query = query.filter(in_division(place::Column::Division, division));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(place::Column::Kind.eq(kind.into_str()));
    }
    if let Some(name) = &filter.normal_name {
        let called = place_name::Entity::find()
            .select_only()
            .column(place_name::Column::PlaceId)
            .filter(place_name::Column::NormalName.eq(name))
            .into_query();
        query = query.filter(place::Column::PlaceId.in_subquery(called));
    }
    if let Some(before) = before {
        query = query.filter(place::Column::PlaceId.lt(uuid_bytes(before)));
    }
    let rows = query
        .order_by_desc(place::Column::PlaceId)
        .limit(limit)
        .all(connection)
        .await?;
    read_all(connection, rows).await
}

/// What places are called.
pub async fn names_of(
    connection: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = PlaceId>,
) -> Result<BTreeMap<PlaceId, String>, StorageError> {
    let ids = ids.into_iter().map(id_bytes);
    let rows = place::Entity::find()
        .filter(place::Column::PlaceId.is_in(ids))
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|row| Ok((read_id(&row.place_id, "places.place_id")?, row.display_name)))
        .collect()
}
