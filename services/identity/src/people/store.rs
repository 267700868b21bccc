//! The table `people`: subjects and their items, encrypted field by field.

pub mod homes;

use std::collections::HashMap;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::crypto::{CipherError, ReadyCipher};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::domain::Person;
use crate::accounts::store::account;

pub mod person {
    use sea_orm::entity::prelude::*;

    /// A subject: a registered person, or a placeholder for a document that only a feed has named.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "people")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        #[sea_orm(unique)]
        pub document_index: Vec<u8>,
        pub full_name: Option<Vec<u8>>,
        pub document: Option<Vec<u8>>,
        pub mobile: Option<Vec<u8>>,
        pub nationality: Option<Vec<u8>>,
        pub home: Option<Vec<u8>>,
        pub registered_at: Option<i64>,
        pub confirmed_at: Option<i64>,
        /// The division of the last `SubjectPlaced` event.
        pub published_division: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The blind index of a document.
pub type DocumentIndex = [u8; 32];

/// The subject of a document, and its name.
#[derive(Debug, Clone)]
pub struct IndexedSubject {
    pub subject: SubjectId,
    /// Encrypted; `None` for a placeholder.
    pub sealed_name: Option<Vec<u8>>,
}

/// The items of a person, encrypted for one subject.
#[derive(Debug, Clone)]
pub struct SealedPerson {
    full_name: Vec<u8>,
    document: Vec<u8>,
    mobile: Vec<u8>,
    nationality: Vec<u8>,
    home: Vec<u8>,
}

fn context(field: &str, subject: SubjectId) -> Vec<u8> {
    format!("people/{field}/{subject}").into_bytes()
}

impl SealedPerson {
    pub fn seal(cipher: &ReadyCipher, subject: SubjectId, person: &Person) -> Result<Self, CipherError> {
        let seal = |field: &str, text: &str| cipher.encrypt(text.as_bytes(), &context(field, subject));
        let document = &person.document;
        let country = document.issuing_country().map(|country| country.to_string());
        let document = format!(
            "{}\n{}\n{}",
            document.kind().as_str(),
            country.unwrap_or_default(),
            document.number()
        );
        Ok(Self {
            full_name: seal("full_name", person.name.expose())?,
            document: seal("document", &document)?,
            mobile: seal("mobile", person.mobile.expose())?,
            nationality: seal("nationality", person.nationality.as_str())?,
            home: seal(
                "home",
                &format!("{}\n{}", person.home_division, person.home_detail.expose()),
            )?,
        })
    }
}

/// Decrypts the name of `subject`.
pub fn open_name(cipher: &ReadyCipher, subject: SubjectId, sealed: &[u8]) -> Result<String, CipherError> {
    cipher.decrypt_text(sealed, &context("full_name", subject))
}

pub async fn find(
    connection: &impl ConnectionTrait,
    index: &DocumentIndex,
) -> Result<Option<IndexedSubject>, StorageError> {
    let row = person::Entity::find()
        .select_only()
        .columns([person::Column::SubjectId, person::Column::FullName])
        .filter(person::Column::DocumentIndex.eq(index.to_vec()))
        .into_tuple::<(Vec<u8>, Option<Vec<u8>>)>()
        .one(connection)
        .await?;
    row.map(|(subject, sealed_name)| {
        Ok(IndexedSubject {
            subject: read_subject(&subject, "people.subject_id")?,
            sealed_name,
        })
    })
    .transpose()
}

/// Whether the subject exists, registered or as a placeholder.
pub async fn exists(connection: &impl ConnectionTrait, subject: SubjectId) -> Result<bool, StorageError> {
    let found = person::Entity::find_by_id(subject_bytes(subject))
        .select_only()
        .column(person::Column::SubjectId)
        .into_tuple::<Vec<u8>>()
        .one(connection)
        .await?;
    Ok(found.is_some())
}

/// A person to be registered.
pub struct NewPerson {
    pub subject: SubjectId,
    pub index: DocumentIndex,
    pub sealed: SealedPerson,
    pub now: Timestamp,
}

/// Adds registered people. Returns `false` when one of the documents exists already; the caller must then roll back.
pub async fn insert(transaction: &DatabaseTransaction, new: Vec<NewPerson>) -> Result<bool, StorageError> {
    let wanted = new.len() as u64;
    let inserted = person::Entity::insert_many(new.into_iter().map(row))
        .on_conflict(
            OnConflict::column(person::Column::DocumentIndex)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted == wanted)
}

fn row(new: NewPerson) -> person::ActiveModel {
    let NewPerson {
        subject,
        index,
        sealed,
        now,
    } = new;
    person::ActiveModel {
        subject_id: Set(subject_bytes(subject)),
        document_index: Set(index.to_vec()),
        full_name: Set(Some(sealed.full_name)),
        document: Set(Some(sealed.document)),
        mobile: Set(Some(sealed.mobile)),
        nationality: Set(Some(sealed.nationality)),
        home: Set(Some(sealed.home)),
        registered_at: Set(Some(now.micros())),
        confirmed_at: Set(None),
        published_division: Set(None),
    }
}

/// Stores the latest items of a registered person, or the first items of a placeholder.
pub async fn update(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
    sealed: SealedPerson,
    now: Timestamp,
) -> Result<(), StorageError> {
    use person::Column;
    person::Entity::update_many()
        .col_expr(Column::FullName, Expr::value(sealed.full_name))
        .col_expr(Column::Document, Expr::value(sealed.document))
        .col_expr(Column::Mobile, Expr::value(sealed.mobile))
        .col_expr(Column::Nationality, Expr::value(sealed.nationality))
        .col_expr(Column::Home, Expr::value(sealed.home))
        .col_expr(
            Column::RegisteredAt,
            Expr::cust_with_expr("coalesce(registered_at, $1)", now.micros()),
        )
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .exec(transaction)
        .await?;
    Ok(())
}

pub async fn find_all(
    connection: &impl ConnectionTrait,
    indexes: &[DocumentIndex],
) -> Result<HashMap<DocumentIndex, SubjectId>, StorageError> {
    let rows = person::Entity::find()
        .select_only()
        .columns([person::Column::DocumentIndex, person::Column::SubjectId])
        .filter(person::Column::DocumentIndex.is_in(indexes.iter().map(|index| index.to_vec())))
        .into_tuple::<(Vec<u8>, Vec<u8>)>()
        .all(connection)
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for (index, subject) in rows {
        let index = DocumentIndex::try_from(index)
            .map_err(|_| StorageError::Damaged("people.document_index is not 32 bytes".to_owned()))?;
        found.insert(index, read_subject(&subject, "people.subject_id")?);
    }
    Ok(found)
}

/// Adds placeholders for documents. A document that has a subject meanwhile keeps it.
pub async fn insert_placeholders(
    transaction: &DatabaseTransaction,
    placeholders: Vec<(DocumentIndex, SubjectId)>,
) -> Result<(), StorageError> {
    let rows = placeholders
        .into_iter()
        .map(|(index, subject)| person::ActiveModel {
            subject_id: Set(subject_bytes(subject)),
            document_index: Set(index.to_vec()),
            full_name: Set(None),
            document: Set(None),
            mobile: Set(None),
            nationality: Set(None),
            home: Set(None),
            registered_at: Set(None),
            confirmed_at: Set(None),
            published_division: Set(None),
        });
    person::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(person::Column::DocumentIndex)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// The encrypted names of those `subjects` that are registered.
pub async fn names(
    connection: &impl ConnectionTrait,
    subjects: &[SubjectId],
) -> Result<Vec<(SubjectId, Vec<u8>)>, StorageError> {
    let rows = person::Entity::find()
        .select_only()
        .columns([person::Column::SubjectId, person::Column::FullName])
        .filter(person::Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .filter(person::Column::FullName.is_not_null())
        .into_tuple::<(Vec<u8>, Vec<u8>)>()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(subject, name)| Ok((read_subject(&subject, "people.subject_id")?, name)))
        .collect()
}

/// Records that a declaration followed each of these registrations.
pub async fn confirm(
    transaction: &DatabaseTransaction,
    subjects: &[SubjectId],
    now: Timestamp,
) -> Result<(), StorageError> {
    use person::Column;
    person::Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::value(now.micros()))
        .filter(Column::SubjectId.is_in(subjects.iter().map(|subject| subject_bytes(*subject))))
        .filter(Column::ConfirmedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// Turns at most `limit` registrations older than `before` that no declaration followed into placeholders, and unbinds their
/// accounts. Returns how many.
pub async fn erase_unconfirmed(
    transaction: &DatabaseTransaction,
    before: Timestamp,
    limit: u64,
) -> Result<usize, StorageError> {
    use person::Column;
    let subjects: Vec<Vec<u8>> = person::Entity::find()
        .select_only()
        .column(Column::SubjectId)
        .filter(Column::RegisteredAt.lt(before.micros()))
        .filter(Column::ConfirmedAt.is_null())
        .order_by_asc(Column::RegisteredAt)
        .limit(limit)
        .into_tuple()
        .all(transaction)
        .await?;
    let nothing = || Expr::value(Option::<Vec<u8>>::None);
    person::Entity::update_many()
        .col_expr(Column::FullName, nothing())
        .col_expr(Column::Document, nothing())
        .col_expr(Column::Mobile, nothing())
        .col_expr(Column::Nationality, nothing())
        .col_expr(Column::Home, nothing())
        .col_expr(Column::RegisteredAt, Expr::value(Option::<i64>::None))
        .filter(Column::SubjectId.is_in(subjects.iter().cloned()))
        .exec(transaction)
        .await?;
    account::Entity::update_many()
        .col_expr(account::Column::SubjectId, nothing())
        .filter(account::Column::SubjectId.is_in(subjects.iter().cloned()))
        .exec(transaction)
        .await?;
    Ok(subjects.len())
}
