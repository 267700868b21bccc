//! Queues of cases: what a member of staff reaches, with first what is due first.
//!
//! A queue is read off the indexes in their order. Whatever somebody reaches is the union of what they were given, what they entered, and
//! what lies in their division; each has an index of its own, so that each is asked by itself and the answers are merged.

use lutong_kernel::{DivisionCode, Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::in_division;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::cases::{due_at, of_jurisdiction};
use super::complaint::{Column, Entity, Model};
use super::keyset::behind;
use super::{CallerHashes, Complaint, read_all};
use crate::domain::content::Kind;
use crate::domain::machine::State;
use crate::domain::staff::Staff;

/// The county of a case, as the index `complaints_due_county` has it.
const COUNTY: &str = "CASE WHEN division > 999999 THEN division / 1000 ELSE division END";
/// Its city, as `complaints_due_city` has it.
const CITY: &str = "CASE WHEN division > 999999 THEN division / 100000 ELSE division / 100 END";

/// Which cases of those that are reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub kind: Option<Kind>,
    pub division: Option<DivisionCode>,
    pub due_before: Option<Timestamp>,
    pub is_assigned_to_me: bool,
    /// Of a caller: whatever is there must fit.
    pub caller: CallerHashes,
}

/// The position of a case in a queue: the key of a page token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePosition {
    due_at: i64,
    number: String,
}

impl QueuePosition {
    pub fn of(complaint: &Complaint) -> Self {
        Self {
            due_at: due_at(&complaint.case),
            number: complaint.number.as_str().to_owned(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.due_at.to_be_bytes()[..], self.number.as_bytes()].concat()
    }

    fn behind(self) -> Condition {
        behind(
            (Column::DueAt, self.due_at),
            (Column::TrackingNumber, self.number),
        )
    }

    /// Parses [`Self::bytes`] out of a page token.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (due_at, number) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            due_at: i64::from_be_bytes(*due_at),
            number: String::from_utf8(number.to_vec()).ok()?,
        })
    }
}

/// Cases that a member of staff reaches after a position, those due first.
pub async fn page(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    staff: &Staff,
    filter: Filter,
    after: Option<QueuePosition>,
    limit: u64,
) -> Result<Vec<Complaint>, Fault> {
    let wanted = filter.condition().add_option(after.map(QueuePosition::behind));
    let account = staff.account.as_str();
    let mut branches = vec![Condition::all().add(Column::Assignee.eq(account))];
    if !filter.is_assigned_to_me {
        branches.push(Condition::all().add(Column::EnteredBy.eq(account)));
        let scope = narrower(staff.jurisdiction.division(), filter.division);
        let reached = of_jurisdiction(staff).zip(scope);
        branches.extend(reached.map(|(reached, scope)| reached.add_option(one_index(scope))));
    }
    let mut rows: Vec<Model> = Vec::new();
    for branch in branches {
        let found = Entity::find()
            .filter(branch)
            .filter(wanted.clone())
            .order_by_asc(Column::DueAt)
            .order_by_asc(Column::TrackingNumber)
            .limit(limit)
            .all(connection)
            .await
            .map_err(StorageError::from)?;
        rows.extend(found);
    }
    let position = |row: &Model| (row.due_at, row.tracking_number.clone());
    rows.sort_by_key(position);
    rows.dedup_by_key(|row| position(row));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    read_all(connection, cipher, rows).await
}

impl Filter {
    fn condition(&self) -> Condition {
        let state = self.state.map(|state| Column::State.eq(state.into_str()));
        let kind = self.kind.map(|kind| Column::Kind.eq(kind.into_str()));
        let division = self.division.map(|within| in_division(Column::Division, within));
        let before = self.due_before.map(|before| Column::DueAt.lt(before.micros()));
        let name = self
            .caller
            .name
            .map(|name| Column::CallerNameHash.eq(name.to_vec()));
        let mobile = self
            .caller
            .mobile
            .map(|mobile| Column::CallerMobileHash.eq(mobile.to_vec()));
        Condition::all()
            .add_option(state)
            .add_option(kind)
            .add_option(division)
            .add_option(before)
            .add_option(name)
            .add_option(mobile)
    }
}

/// The division in which a queue lies: the smaller one where one lies in the other; `None` where they share nothing.
fn narrower(own: DivisionCode, wanted: Option<DivisionCode>) -> Option<DivisionCode> {
    match wanted {
        None => Some(own),
        Some(wanted) if own.contains(wanted) => Some(wanted),
        Some(wanted) if wanted.contains(own) => Some(own),
        Some(_) => None,
    }
}

/// What has the queue of a division, or of the county around a street, read off one index in its order; nothing for a province.
fn one_index(scope: DivisionCode) -> Option<Expr> {
    let county = i64::from(scope.county().number());
    if county % 10_000 == 0 {
        None
    } else if county % 100 == 0 {
        Some(Expr::cust(CITY).eq(county / 100))
    } else {
        Some(Expr::cust(COUNTY).eq(county))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_lies_in_the_smaller_of_two_divisions_or_nowhere() {
        let division = |code: &str| DivisionCode::parse(code).unwrap();
        let narrow = |own: &str, wanted: &str| {
            narrower(division(own), Some(division(wanted))).map(|found| found.to_string())
        };
        assert_eq!(narrow("370200", "370202").as_deref(), Some("370202"));
        assert_eq!(narrow("370202", "370000").as_deref(), Some("370202"));
        assert_eq!(narrow("370202", "370202001").as_deref(), Some("370202001"));
        assert_eq!(narrow("370202", "370203"), None);
    }
}
