//! The table `complaints`, with the clocks of each, `attachments`, `fact_reviews`, `recognition_refusals`, and the tables of places.

pub mod accountability_cases;
pub mod attachments;
pub mod cases;
pub mod clocks;
pub mod events;
pub mod groups;
pub mod hotline_orders;
mod keyset;
pub mod place_voices;
pub mod places;
pub mod queues;
mod reading;
pub mod recognition_refusals;
pub mod reviews;
pub mod tallies;

use lutong_kernel::phone::Mobile;
use lutong_kernel::{DivisionCode, Fault, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{subject_bytes, uuid_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::complaint::{ActiveModel, Column, Entity};
use self::reading::read_all;
use crate::domain::case::Case;
use crate::domain::content::Content;
use crate::domain::hotline::Entry;
use crate::domain::tracking::TrackingNumber;

pub mod complaint {
    use sea_orm::entity::prelude::*;

    #[allow(clippy::struct_excessive_bools)] // as the row has them
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "complaints")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        /// Keyed hash of the account; empty where nobody follows it.
        pub account: Vec<u8>,
        /// The category of feedback, the issue of a place, the colour of an appeal; empty of a door report.
        pub category: String,
        pub created_at: i64,
        /// Encrypted.
        pub text: Vec<u8>,
        pub kind: String,
        pub intake: String,
        /// Encrypted: the place, or the version of the decision.
        pub about: Option<Vec<u8>>,
        pub in_two_provinces: bool,
        pub state: String,
        /// The division that was stated.
        pub filed_for: i64,
        /// Which must answer.
        pub division: i64,
        pub escalated_to: Option<i64>,
        pub assignee: Option<String>,
        pub assigned_at: Option<i64>,
        pub waiting_for: Option<String>,
        pub merged_into: Option<String>,
        pub extended_days: i64,
        pub contacted: Option<bool>,
        pub solved: Option<bool>,
        pub satisfied: Option<bool>,
        /// Lines of the log; 0 of a complaint that has no clocks yet.
        pub version: i64,
        /// When it is to be answered; the greatest number once it is, or is over.
        pub due_at: i64,
        /// When the next of its clocks does something.
        pub next_firing_at: Option<i64>,
        pub entered_by: Option<String>,
        pub hotline_number: Option<String>,
        pub city_number: Option<String>,
        pub is_repeat: bool,
        pub called_at: Option<i64>,
        /// Keyed hash of what was entered under the hotline's number.
        pub content_hash: Option<Vec<u8>>,
        pub is_secret: bool,
        /// Encrypted.
        pub caller_name: Option<Vec<u8>>,
        /// Encrypted.
        pub caller_mobile: Option<Vec<u8>>,
        /// Keyed hashes that find the caller; absent of one who is secret.
        pub caller_name_hash: Option<Vec<u8>>,
        pub caller_mobile_hash: Option<Vec<u8>>,
        /// Who appeals.
        pub subject_id: Option<Vec<u8>>,
        pub reopenings: i64,
        pub before_next_instance: bool,
        /// How an appeal was decided: these are there together.
        pub verdict: Option<String>,
        pub basis: Option<String>,
        pub decided_at: Option<i64>,
        /// The ids of the facts that were wrong, separated by blanks.
        pub wrong_facts: Option<String>,
        pub redecided: Option<i64>,
        pub in_force: Option<bool>,
        pub effect_operation: Option<String>,
        /// Of code-rendering; each is followed up once.
        pub door_report_id: Option<Vec<u8>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A keyed hash.
pub type Hash = [u8; 32];

/// What a caller is found by; nothing of one who is secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallerHashes {
    pub name: Option<Hash>,
    pub mobile: Option<Hash>,
}

/// A complaint as stored.
#[derive(Debug, Clone)]
pub struct Complaint {
    pub number: TrackingNumber,
    /// Keyed hash of the account that filed it; absent where nobody follows it.
    pub account: Option<Hash>,
    /// Who appeals; absent of what is no appeal.
    pub subject: Option<SubjectId>,
    pub created_at: Timestamp,
    pub content: Content,
    /// The division that was stated.
    pub filed_for: DivisionCode,
    /// How it came in, unless from the code's own menu by an account.
    pub entry: Entry,
    /// Keyed hash of what was entered under a hotline's number.
    pub content_hash: Option<Hash>,
    pub caller_hashes: CallerHashes,
    pub case: Case,
}

/// The position of a complaint in the list of its account, which has the newest first: the key of a page token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPosition {
    created_at: i64,
    number: String,
}

impl ListPosition {
    pub fn of(complaint: &Complaint) -> Self {
        Self {
            created_at: complaint.created_at.micros(),
            number: complaint.number.as_str().to_owned(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.created_at.to_be_bytes()[..], self.number.as_bytes()].concat()
    }

    /// Parses [`Self::bytes`] out of a page token.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (created_at, number) = bytes.split_first_chunk::<8>()?;
        Some(Self {
            created_at: i64::from_be_bytes(*created_at),
            number: String::from_utf8(number.to_vec()).ok()?,
        })
    }
}

/// What a column of a complaint is encrypted for.
fn context(column: &str, number: &TrackingNumber) -> Vec<u8> {
    format!("complaints/{column}/{number}").into_bytes()
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("complaints.{what}"))
}

const fn category(content: &Content) -> &'static str {
    match content {
        Content::Feedback(feedback) => feedback.category.into_str(),
        Content::Appeal(appeal) => appeal.colour.as_str(),
        Content::Place(place) => place.issue.into_str(),
        Content::DoorReport(_) => "",
    }
}

fn about(content: &Content) -> Option<String> {
    match content {
        Content::Feedback(_) | Content::DoorReport(_) => None,
        Content::Appeal(appeal) => Some(appeal.decision.to_string()),
        Content::Place(place) => Some(place.place.expose().clone()),
    }
}

/// What two entries under one hotline's number are compared by.
pub fn content_bytes(content: &Content) -> Vec<u8> {
    let about = about(content).unwrap_or_default();
    let parts = [
        content.kind().into_str(),
        category(content),
        &about,
        content.text().expose(),
    ];
    parts.join("\u{0}").into_bytes()
}

/// Inserts a complaint with its clocks. Returns `false` when its number, or its hotline number, exists.
pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    complaint: &Complaint,
) -> Result<bool, Fault> {
    let row = insertion(cipher, complaint)?;
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    if inserted == 0 {
        return Ok(false);
    }
    clocks::replace(transaction, &complaint.number, &complaint.case.clocks).await?;
    Ok(true)
}

/// Inserts complaints without their clocks. Returns `false` when a number, or a hotline number, exists; the caller then rolls back.
pub async fn insert_all(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    complaints: &[Complaint],
) -> Result<bool, Fault> {
    if complaints.is_empty() {
        return Ok(true);
    }
    let rows: Result<Vec<_>, _> = complaints.iter().map(|one| insertion(cipher, one)).collect();
    let inserted = Entity::insert_many(rows?)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(usize::try_from(inserted).unwrap_or(usize::MAX) == complaints.len())
}

fn insertion(cipher: &ReadyCipher, complaint: &Complaint) -> Result<ActiveModel, CipherError> {
    let Complaint {
        number,
        account,
        subject,
        created_at,
        content,
        filed_for,
        entry,
        content_hash,
        caller_hashes,
        case,
    } = complaint;
    let seal = |column: &str, text: Option<&str>| {
        text.map(|text| cipher.encrypt(text.as_bytes(), &context(column, number)))
            .transpose()
    };
    let caller = entry.caller.as_ref();
    let name = caller
        .and_then(|caller| caller.name.as_ref())
        .map(|name| name.expose().as_str());
    let mobile = caller
        .and_then(|caller| caller.mobile.as_ref())
        .map(Mobile::expose);
    let written = cases::changed(case);
    Ok(ActiveModel {
        tracking_number: Set(number.as_str().to_owned()),
        account: Set(account.map(|account| account.to_vec()).unwrap_or_default()),
        category: Set(category(content).to_owned()),
        created_at: Set(created_at.micros()),
        text: Set(cipher.encrypt(content.text().expose().as_bytes(), &context("text", number))?),
        kind: Set(content.kind().into_str().to_owned()),
        intake: Set(entry.intake.into_str().to_owned()),
        about: Set(seal("about", about(content).as_deref())?),
        in_two_provinces: Set(content.is_in_two_provinces()),
        filed_for: Set(i64::from(filed_for.number())),
        entered_by: Set(entry.entered_by.clone()),
        hotline_number: Set(entry.hotline_number.clone()),
        city_number: Set(entry.city_number.clone()),
        is_repeat: Set(entry.is_repeat),
        called_at: Set(entry.called_at.map(Timestamp::micros)),
        content_hash: Set(content_hash.map(|hash| hash.to_vec())),
        is_secret: Set(entry.is_secret),
        caller_name: Set(seal("caller_name", name)?),
        caller_mobile: Set(seal("caller_mobile", mobile)?),
        caller_name_hash: Set(caller_hashes.name.map(|hash| hash.to_vec())),
        caller_mobile_hash: Set(caller_hashes.mobile.map(|hash| hash.to_vec())),
        subject_id: Set(subject.map(subject_bytes)),
        door_report_id: Set(match content {
            Content::DoorReport(follow_up) => Some(uuid_bytes(follow_up.report.uuid())),
            _ => None,
        }),
        ..written
    })
}

pub async fn find(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    number: &TrackingNumber,
) -> Result<Option<Complaint>, Fault> {
    let row = Entity::find_by_id(number.as_str().to_owned())
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    let found = read_all(connection, cipher, row.into_iter().collect()).await?;
    Ok(found.into_iter().next())
}

/// Complaints of an account after a position, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    account: &Hash,
    after: Option<ListPosition>,
    limit: u64,
) -> Result<Vec<Complaint>, Fault> {
    let mut query = Entity::find().filter(Column::Account.eq(account.to_vec()));
    if let Some(ListPosition { created_at, number }) = after {
        let at_once = Condition::all()
            .add(Column::CreatedAt.eq(created_at))
            .add(Column::TrackingNumber.gt(number));
        let later = Condition::any()
            .add(Column::CreatedAt.lt(created_at))
            .add(at_once);
        query = query.filter(later);
    }
    let rows = query
        .order_by(Column::CreatedAt, Order::Desc)
        .order_by(Column::TrackingNumber, Order::Asc)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StorageError::from)?;
    read_all(connection, cipher, rows).await
}
