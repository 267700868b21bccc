//! An index of stays by keyed hashes of places, which finds the subjects that a new listing concerns.

use lutong_kernel::{DivisionCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::cell::{Cell, Kind};
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::crypto::{Key, keyed_hash};
use lutong_storage::rows::{Insert, OnDuplicate};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use stay_place::{Column, Entity, Model};

/// The table `stay_places`.
pub mod stay_place {
    use sea_orm::entity::prelude::*;

    /// A stay: the keyed hash of a place, or of a place that contains it, and the subject.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stay_places")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const INSERT: Insert = Insert {
    table: "stay_places",
    columns: &[("place", Kind::Number), ("subject_id", Kind::Bytes)],
    on_duplicate: OnDuplicate::Keep,
};

/// A place in the index: 64 bits of a keyed hash, so that the table does not reveal where anybody was. A collision of two places only
/// causes an unnecessary decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindPlace(i64);

/// Computes blind places.
#[derive(Debug, Clone)]
pub struct PlaceIndex(Key);

impl PlaceIndex {
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// A whole division, or a community of it.
    pub fn place(&self, code: u32, community: Option<i64>) -> BlindPlace {
        let hash = keyed_hash(&self.0, format!("stay-place/{code}/{community:?}").as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        BlindPlace(i64::from_le_bytes(first))
    }

    /// The places under which a stay is indexed: its division, its community and the divisions that contain it.
    pub fn of_stay(&self, place: DivisionCode, community: Option<i64>) -> Vec<BlindPlace> {
        let county = place.county().number();
        let mut codes = vec![
            place.number(),
            county,
            county / 100 * 100,
            county / 10_000 * 10_000,
        ];
        codes.dedup();
        let whole = codes.into_iter().map(|code| self.place(code, None));
        let named = community.map(|key| self.place(place.number(), Some(key)));
        whole.chain(named).collect()
    }
}

pub async fn insert(
    transaction: &DatabaseTransaction,
    stays: &[(BlindPlace, SubjectId)],
) -> Result<(), StorageError> {
    let cells = stays
        .iter()
        .map(|(place, subject)| [Cell::Number(Some(place.0)), Cell::Id(Some(subject.uuid()))]);
    INSERT.rows(transaction, &cells.collect::<Vec<_>>()).await
}

/// Stays in one of `places`, after `after`, sorted.
pub async fn stayed(
    connection: &impl ConnectionTrait,
    places: &[BlindPlace],
    after: Option<(BlindPlace, SubjectId)>,
    limit: usize,
) -> Result<Vec<(BlindPlace, SubjectId)>, StorageError> {
    let mut query = Entity::find().filter(Column::Place.is_in(places.iter().map(|place| place.0)));
    if let Some((place, subject)) = after {
        let later = Condition::all()
            .add(Column::Place.eq(place.0))
            .add(Column::SubjectId.gt(subject_bytes(subject)));
        query = query.filter(Condition::any().add(Column::Place.gt(place.0)).add(later));
    }
    let rows = query
        .order_by_asc(Column::Place)
        .order_by_asc(Column::SubjectId)
        .limit(limit as u64)
        .all(connection)
        .await?;
    let read = |row: Model| {
        Ok((
            BlindPlace(row.place),
            read_subject(&row.subject_id, "stay_places.subject_id")?,
        ))
    };
    rows.into_iter().map(read).collect()
}
