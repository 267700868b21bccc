//! Filed feedback.

use lutong_chassis::crypto::{CipherError, ReadyCipher};
use lutong_chassis::storage::StorageError;
use lutong_kernel::{Fault, Secret, Timestamp};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait as _};

use super::tables::feedback::{ActiveModel, Column, Entity};
use crate::domain::feedback::Category;
use crate::domain::tracking::TrackingNumber;

/// Feedback as filed.
#[derive(Debug, Clone)]
pub struct Feedback {
    pub number: TrackingNumber,
    /// Keyed hash.
    pub account: [u8; 32],
    pub category: Category,
    pub created_at: Timestamp,
    pub text: Secret<String>,
}

fn context(number: &TrackingNumber) -> Vec<u8> {
    format!("feedback/text/{number}").into_bytes()
}

/// Files it; `false` when the number is taken.
pub async fn insert(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    feedback: &Feedback,
) -> Result<bool, CipherError> {
    let row = ActiveModel {
        tracking_number: Set(feedback.number.as_str().to_owned()),
        account: Set(feedback.account.to_vec()),
        category: Set(feedback.category.as_str().to_owned()),
        created_at: Set(feedback.created_at.micros()),
        text: Set(cipher.encrypt(feedback.text.expose().as_bytes(), &context(&feedback.number))?),
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
) -> Result<Option<Feedback>, Fault> {
    let damaged = |what: &str| Fault::from(StorageError::Damaged(format!("feedback.{what}")));
    let row = Entity::find_by_id(number.as_str().to_owned())
        .one(connection)
        .await
        .map_err(StorageError::from)?;
    let Some(row) = row else { return Ok(None) };
    let category = Category::ALL
        .into_iter()
        .find(|category| category.as_str() == row.category);
    Ok(Some(Feedback {
        text: Secret::new(cipher.decrypt_text(&row.text, &context(number))?),
        number: number.clone(),
        account: row.account.try_into().map_err(|_| damaged("account"))?,
        category: category.ok_or_else(|| damaged("category"))?,
        created_at: Timestamp::from_micros(row.created_at),
    }))
}
