//! Complaints as orders of the hotline: which are there, and how they stand.

use std::collections::HashMap;

use lutong_kernel::{Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::complaint::{Column, Entity};
use super::{Complaint, Hash, cases, damaged, events, place_voices, read_all};
use crate::domain::accountability::voices::Finding;
use crate::domain::machine::State;
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;

/// An order that is there.
#[derive(Debug, Clone)]
pub struct KnownOrder {
    pub number: TrackingNumber,
    pub content: Option<Hash>,
    pub entered_by: Option<String>,
}

impl KnownOrder {
    pub fn of(complaint: &Complaint) -> Self {
        Self {
            number: complaint.number.clone(),
            content: complaint.content_hash,
            entered_by: complaint.entry.entered_by.clone(),
        }
    }
}

#[derive(sea_orm::FromQueryResult)]
struct KnownRow {
    hotline_number: Option<String>,
    tracking_number: String,
    content_hash: Option<Vec<u8>>,
    entered_by: Option<String>,
}

/// The orders of these numbers that are there.
pub async fn known(
    transaction: &DatabaseTransaction,
    numbers: Vec<String>,
) -> Result<HashMap<String, KnownOrder>, StorageError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<KnownRow> = Entity::find()
        .select_only()
        .columns([
            Column::HotlineNumber,
            Column::TrackingNumber,
            Column::ContentHash,
            Column::EnteredBy,
        ])
        .filter(Column::HotlineNumber.is_in(numbers))
        .into_model()
        .all(transaction)
        .await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let content = row.content_hash.map(Hash::try_from).transpose();
        let number = TrackingNumber::parse(&row.tracking_number);
        let order = KnownOrder {
            number: number.map_err(|_| damaged("tracking_number"))?,
            content: content.map_err(|_| damaged("content_hash"))?,
            entered_by: row.entered_by,
        };
        known.insert(row.hotline_number.unwrap_or_default(), order);
    }
    Ok(known)
}

/// Which orders of those that are reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// How an order stands.
#[derive(Debug, Clone)]
pub struct OrderStatus {
    pub complaint: Complaint,
    /// The last answer, and when it was given.
    pub answer: Option<(Timestamp, Secret<String>)>,
    pub finding: Option<Finding>,
}

impl OrderStatus {
    pub fn hotline_number(&self) -> &str {
        self.complaint.entry.hotline_number.as_deref().unwrap_or_default()
    }
}

/// Orders that a member of staff reaches after a number of the hotline, by these numbers.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    staff: &Staff,
    filter: Filter,
    after: Option<String>,
    limit: u64,
) -> Result<Vec<OrderStatus>, Fault> {
    let mut query = Entity::find()
        .filter(cases::reached(staff))
        .filter(Expr::cust("hotline_number IS NOT NULL"));
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state.into_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::CreatedAt.gte(from.micros()));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::CreatedAt.lt(until.micros()));
    }
    if let Some(after) = after {
        query = query.filter(Column::HotlineNumber.gt(after));
    }
    let rows = query
        .order_by_asc(Column::HotlineNumber)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    let complaints = read_all(connection, cipher, rows).await?;
    let numbers: Vec<TrackingNumber> = complaints.iter().map(|one| one.number.clone()).collect();
    let mut answers = events::last_answers(connection, cipher, &numbers).await?;
    let findings = place_voices::findings(connection, &numbers).await?;
    let status = |complaint: Complaint| OrderStatus {
        answer: answers.remove(complaint.number.as_str()),
        finding: findings.get(complaint.number.as_str()).copied(),
        complaint,
    };
    Ok(complaints.into_iter().map(status).collect())
}
