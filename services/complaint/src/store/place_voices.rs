//! The table `place_voices`: what each complaint about a place counts for, and for which place. Who filed it is a keyed hash.

use std::collections::HashMap;

use lutong_kernel::{DivisionCode, PlaceId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{in_division, read_division};
use lutong_transport::access::DivisionPermit;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    Order, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::place_voice::{ActiveModel, Column, Entity, Model};
use super::places::{id_bytes, read_id};
use super::{Hash, cases};
use crate::domain::accountability::voices::{Finding, Voice};
use crate::domain::content::PlaceIssue;
use crate::domain::tracking::TrackingNumber;

pub mod ledger;

pub mod place_voice {
    use sea_orm::entity::prelude::*;

    #[allow(clippy::struct_excessive_bools)] // as the row has them
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "place_voices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        /// Absent while the place is not known.
        pub place_id: Option<Vec<u8>>,
        /// The division for which it was filed.
        pub division: i64,
        pub issue: String,
        pub created_at: i64,
        /// Keyed hashes of what it calls the place; absent of what was filed before there was a register.
        pub name_hash: Option<Vec<u8>>,
        pub head_hash: Option<Vec<u8>>,
        /// Keyed hash of the person; absent of a complaint that names nobody.
        pub person: Option<Vec<u8>>,
        /// Keyed hash of the network; forgotten once no rule counts it any more.
        pub network: Option<Vec<u8>>,
        pub is_new: bool,
        pub finding: Option<String>,
        /// A published outcome rests on it.
        pub is_settled: bool,
        /// A supervisor has dismissed what it was a part of.
        pub is_dismissed: bool,
        /// Whether it was weighed since it was filed, bound or found to be so or not.
        pub is_weighed: bool,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a new complaint counts for.
#[derive(Debug, Clone)]
pub struct NewVoice {
    pub number: TrackingNumber,
    pub place: Option<PlaceId>,
    pub division: DivisionCode,
    pub issue: PlaceIssue,
    pub name_hash: Hash,
    pub head_hash: Hash,
    pub voice: Voice,
}

/// A complaint as the ledger has it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub number: TrackingNumber,
    pub place: Option<PlaceId>,
    pub division: DivisionCode,
    pub issue: PlaceIssue,
    pub filed_at: Timestamp,
    pub finding: Option<Finding>,
    pub is_settled: bool,
}

fn damaged(column: &str) -> StorageError {
    StorageError::Damaged(format!("place_voices.{column}"))
}

fn finding(stored: Option<&str>) -> Result<Option<Finding>, StorageError> {
    let finding = stored.map(str::parse).transpose();
    finding.map_err(|_| damaged("finding"))
}

impl TryFrom<Model> for Entry {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let place = row.place_id.as_deref();
        let place = place.map(|place| read_id(place, "place_voices.place_id"));
        Ok(Self {
            number: TrackingNumber::parse(&row.tracking_number).map_err(|_| damaged("tracking_number"))?,
            place: place.transpose()?,
            division: read_division(row.division, "place_voices.division")?,
            issue: row.issue.parse().map_err(|_| damaged("issue"))?,
            filed_at: Timestamp::from_micros(row.created_at),
            finding: finding(row.finding.as_deref())?,
            is_settled: row.is_settled,
        })
    }
}

impl TryFrom<Model> for Voice {
    type Error = StorageError;

    fn try_from(row: Model) -> Result<Self, StorageError> {
        let hash = |stored: Option<&[u8]>, column: &str| {
            let hash = stored.map(TryInto::try_into).transpose();
            hash.map_err(|_| damaged(column))
        };
        Ok(Self {
            filed_at: Timestamp::from_micros(row.created_at),
            person: hash(row.person.as_deref(), "person")?,
            network: hash(row.network.as_deref(), "network")?,
            is_new: row.is_new,
            finding: finding(row.finding.as_deref())?,
            is_dismissed: row.is_dismissed,
        })
    }
}

pub async fn insert_all(transaction: &DatabaseTransaction, new: &[NewVoice]) -> Result<(), StorageError> {
    if new.is_empty() {
        return Ok(());
    }
    Entity::insert_many(new.iter().map(row))
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

fn row(new: &NewVoice) -> ActiveModel {
    let NewVoice {
        number,
        place,
        division,
        issue,
        name_hash,
        head_hash,
        voice,
    } = new;
    ActiveModel {
        tracking_number: Set(number.as_str().to_owned()),
        place_id: Set(place.map(id_bytes)),
        division: Set(i64::from(division.number())),
        issue: Set(issue.into_str().to_owned()),
        created_at: Set(voice.filed_at.micros()),
        name_hash: Set(Some(name_hash.to_vec())),
        head_hash: Set(Some(head_hash.to_vec())),
        person: Set(voice.person.map(|person| person.to_vec())),
        network: Set(voice.network.map(|network| network.to_vec())),
        is_new: Set(voice.is_new),
        finding: Set(None),
        is_settled: Set(false),
        is_dismissed: Set(false),
        is_weighed: Set(false),
    }
}

/// Binds the complaints of a division that wait for a match and state a name to a place.
pub async fn match_waiting(
    transaction: &DatabaseTransaction,
    (division, place): (DivisionCode, PlaceId),
    name: &Hash,
) -> Result<(), StorageError> {
    let is_called = Condition::any()
        .add(Column::NameHash.eq(name.to_vec()))
        .add(Column::HeadHash.eq(name.to_vec()));
    Entity::update_many()
        .col_expr(Column::PlaceId, Expr::value(id_bytes(place)))
        .col_expr(Column::IsWeighed, Expr::value(false))
        .filter(Column::PlaceId.is_null())
        .filter(Column::Division.eq(i64::from(division.number())))
        .filter(is_called)
        .exec(transaction)
        .await?;
    Ok(())
}

/// Binds the complaints of one place to another.
pub async fn move_all(
    transaction: &DatabaseTransaction,
    from: PlaceId,
    into: PlaceId,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::PlaceId, Expr::value(id_bytes(into)))
        .col_expr(Column::IsWeighed, Expr::value(false))
        .filter(Column::PlaceId.eq(id_bytes(from)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// A complaint of the division of the permit, locked until the end of the transaction.
pub async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    number: &TrackingNumber,
) -> Result<Option<Entry>, StorageError> {
    let own = in_division(Column::Division, permit.jurisdiction().division());
    let query = Entity::find_by_id(number.as_str().to_owned()).filter(own);
    let row = query.lock_exclusive().one(transaction).await?;
    row.map(Entry::try_from).transpose()
}

/// Binds a locked complaint to a place.
pub async fn bind(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
    place: PlaceId,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::PlaceId, Expr::value(id_bytes(place)))
        .col_expr(Column::IsWeighed, Expr::value(false))
        .filter(Column::TrackingNumber.eq(number.as_str()))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Stores what was found of a complaint, and of those that were merged into it.
pub async fn set_finding(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
    finding: Finding,
) -> Result<(), StorageError> {
    let numbers = cases::with_merged(transaction, number).await?;
    Entity::update_many()
        .col_expr(Column::Finding, Expr::value(finding.into_str()))
        .col_expr(Column::IsWeighed, Expr::value(false))
        .filter(Column::TrackingNumber.is_in(numbers))
        .exec(transaction)
        .await?;
    Ok(())
}

/// What was found of a complaint.
pub async fn found(
    transaction: &DatabaseTransaction,
    number: &TrackingNumber,
) -> Result<Option<Finding>, StorageError> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .one(transaction)
        .await?;
    finding(row.and_then(|row| row.finding).as_deref())
}

/// What was found of these complaints.
pub async fn findings(
    connection: &impl ConnectionTrait,
    numbers: &[TrackingNumber],
) -> Result<HashMap<String, Finding>, StorageError> {
    let rows: Vec<(String, Option<String>)> = Entity::find()
        .select_only()
        .columns([Column::TrackingNumber, Column::Finding])
        .filter(Column::TrackingNumber.is_in(numbers.iter().map(TrackingNumber::as_str)))
        .filter(Column::Finding.is_not_null())
        .into_tuple()
        .all(connection)
        .await?;
    let mut findings = HashMap::with_capacity(rows.len());
    for (number, stored) in rows {
        findings.extend(finding(stored.as_deref())?.map(|found| (number, found)));
    }
    Ok(findings)
}

/// Places after one with complaints that have to be weighed.
pub async fn unweighed(
    connection: &impl ConnectionTrait,
    after: Option<PlaceId>,
    limit: u64,
) -> Result<Vec<PlaceId>, StorageError> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::PlaceId)
        .distinct()
        .filter(Expr::cust("NOT is_weighed AND place_id IS NOT NULL"));
    if let Some(after) = after {
        query = query.filter(Column::PlaceId.gt(id_bytes(after)));
    }
    let ids: Vec<Vec<u8>> = query
        .order_by(Column::PlaceId, Order::Asc)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    ids.iter()
        .map(|id| read_id(id, "place_voices.place_id"))
        .collect()
}

/// The complaints about a locked place on which no published outcome rests. They are weighed with that.
pub async fn weigh(transaction: &DatabaseTransaction, place: PlaceId) -> Result<Vec<Voice>, StorageError> {
    // Before they are read: whatever is filed meanwhile is read or is weighed later, or both.
    Entity::update_many()
        .col_expr(Column::IsWeighed, Expr::value(true))
        .filter(Column::PlaceId.eq(id_bytes(place)))
        .filter(Expr::cust("NOT is_weighed AND place_id IS NOT NULL"))
        .exec(transaction)
        .await?;
    let rows = Entity::find()
        .filter(Column::PlaceId.eq(id_bytes(place)))
        .filter(Column::IsSettled.eq(false))
        .all(transaction)
        .await?;
    rows.into_iter().map(Voice::try_from).collect()
}

/// The complaints about a place count no more: an outcome that rests on them is published.
pub async fn settle(transaction: &DatabaseTransaction, place: PlaceId) -> Result<(), StorageError> {
    mark(transaction, place, Column::IsSettled).await
}

/// The complaints about a place queue no case any more.
pub async fn dismiss(transaction: &DatabaseTransaction, place: PlaceId) -> Result<(), StorageError> {
    mark(transaction, place, Column::IsDismissed).await
}

async fn mark(transaction: &DatabaseTransaction, place: PlaceId, column: Column) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(column, Expr::value(true))
        .filter(Column::PlaceId.eq(id_bytes(place)))
        .filter(column.eq(false))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Forgets the networks of complaints that were filed before an instant.
pub async fn forget_networks(
    connection: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Network, Expr::value(None::<Vec<u8>>))
        .filter(Expr::cust("network IS NOT NULL"))
        .filter(Column::CreatedAt.lt(before.micros()))
        .exec(connection)
        .await?;
    Ok(())
}
