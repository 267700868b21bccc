//! The homes of people, as a six-digit division.

use lutong_kernel::{DivisionCode, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QuerySelect as _,
};

use super::items::context;
use super::person::{Column, Entity};

/// An encrypted home, and the division that was published last.
#[derive(Debug, Clone)]
pub struct Home {
    pub subject: SubjectId,
    sealed: Vec<u8>,
    pub published: Option<i64>,
}

impl Home {
    /// The six-digit division of the home.
    pub fn division(&self, cipher: &ReadyCipher) -> Result<DivisionCode, CipherError> {
        let text = cipher.decrypt_text(&self.sealed, &context("home", self.subject))?;
        let division = text.split('\n').next().unwrap_or_default();
        let division = DivisionCode::parse(division);
        let damaged = |_| StorageError::Damaged("people.home begins with no division".to_owned());
        Ok(division.map_err(damaged)?.county())
    }
}

/// The homes of those `subjects` that are registered.
pub async fn of(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<Home>, StorageError> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::SubjectId, Column::Home, Column::PublishedDivision])
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .filter(Column::Home.is_not_null())
        .into_tuple::<(Vec<u8>, Vec<u8>, Option<i64>)>()
        .all(connection)
        .await?;
    let home = |(subject, sealed, published): (Vec<u8>, Vec<u8>, Option<i64>)| {
        let subject = read_subject(&subject, "people.subject_id")?;
        Ok(Home {
            subject,
            sealed,
            published,
        })
    };
    rows.into_iter().map(home).collect()
}

/// Stores the published division of `subjects`.
pub async fn publish(
    transaction: &DatabaseTransaction,
    division: DivisionCode,
    subjects: &[SubjectId],
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(
            Column::PublishedDivision,
            Expr::value(i64::from(division.number())),
        )
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .exec(transaction)
        .await?;
    Ok(())
}
