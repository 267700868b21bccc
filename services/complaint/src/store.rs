//! The table `complaints`.

use lutong_kernel::{Fault, Secret, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, Order,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::complaint::{ActiveModel, Column, Entity, Model};
use crate::domain::feedback::Feedback;
use crate::domain::tracking::TrackingNumber;

pub mod complaint {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "complaints")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tracking_number: String,
        /// Keyed hash of the account.
        pub account: Vec<u8>,
        pub category: String,
        pub created_at: i64,
        /// Encrypted.
        pub text: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A complaint as stored.
#[derive(Debug, Clone)]
pub struct Complaint {
    pub number: TrackingNumber,
    /// Keyed hash.
    pub account: [u8; 32],
    pub created_at: Timestamp,
    pub feedback: Feedback,
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

fn context(number: &TrackingNumber) -> Vec<u8> {
    format!("complaints/text/{number}").into_bytes()
}

/// Inserts a complaint. Returns `false` when its number exists.
pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    complaint: &Complaint,
) -> Result<bool, CipherError> {
    let Feedback { category, text } = &complaint.feedback;
    let row = ActiveModel {
        tracking_number: Set(complaint.number.as_str().to_owned()),
        account: Set(complaint.account.to_vec()),
        category: Set(category.into_str().to_owned()),
        created_at: Set(complaint.created_at.micros()),
        text: Set(cipher.encrypt(text.expose().as_bytes(), &context(&complaint.number))?),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::TrackingNumber).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await
        .map_err(StorageError::from)?;
    Ok(inserted > 0)
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
    row.map(|row| read(cipher, row)).transpose()
}

/// Complaints of an account after a position, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    account: &[u8; 32],
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
    rows.into_iter().map(|row| read(cipher, row)).collect()
}

fn read(cipher: &ReadyCipher, row: Model) -> Result<Complaint, Fault> {
    let damaged = |what: &str| Fault::from(StorageError::Damaged(format!("complaints.{what}")));
    let number = TrackingNumber::parse(&row.tracking_number).map_err(|_| damaged("tracking_number"))?;
    Ok(Complaint {
        feedback: Feedback {
            category: row.category.parse().map_err(|_| damaged("category"))?,
            text: Secret::new(cipher.decrypt_text(&row.text, &context(&number))?),
        },
        account: row.account.try_into().map_err(|_| damaged("account"))?,
        created_at: Timestamp::from_micros(row.created_at),
        number,
    })
}
