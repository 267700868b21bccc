//! The table `people`: subjects and their items, encrypted field by field.

pub mod documents;
pub mod homes;
mod items;
pub mod registered;

use std::collections::HashMap;

use lutong_kernel::{SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::accounts::store::account;
use crate::person_changes::store as person_changes;
pub use items::{SealedPerson, open_mobile, open_name};

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
        /// Keyed hash of the mobile.
        pub mobile_index: Option<Vec<u8>>,
        pub registered_at: Option<i64>,
        pub confirmed_at: Option<i64>,
        /// The division of the last `SubjectPlaced` event.
        pub published_division: Option<i64>,
        /// The account of the organisation or the counter that stated the items; none once an account was linked.
        pub registered_by: Option<String>,
        /// The subject of the person who has this document as well; none where it is the first one of its subject. The row then only
        /// leads to that subject, and keeps everybody else from registering the document.
        pub held_by: Option<Vec<u8>>,
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
    /// Encrypted; `None` for a placeholder.
    pub sealed_mobile: Option<Vec<u8>>,
    pub mobile_index: Option<[u8; 32]>,
    /// The account that stated the items; `None` for a placeholder, and once an account was linked.
    pub registered_by: Option<String>,
}

/// The columns of [`find`].
type FoundSubject = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>, Option<String>);

/// The subject of a document: of the person who holds it, also where they registered with another one.
pub async fn find(
    connection: &impl ConnectionTrait,
    index: &DocumentIndex,
) -> Result<Option<IndexedSubject>, StorageError> {
    let holder = documents::holder(connection, index).await?;
    let Some(subject) = holder.map(|holder| holder.subject) else {
        return Ok(None);
    };
    let row = person::Entity::find_by_id(subject_bytes(subject))
        .select_only()
        .columns([
            person::Column::FullName,
            person::Column::Mobile,
            person::Column::MobileIndex,
            person::Column::RegisteredBy,
        ])
        .into_tuple::<FoundSubject>()
        .one(connection)
        .await?;
    row.map(|(sealed_name, sealed_mobile, mobile_index, registered_by)| {
        let damaged = |_| StorageError::Damaged("people.mobile_index is not 32 bytes".to_owned());
        Ok(IndexedSubject {
            subject,
            sealed_name,
            sealed_mobile,
            mobile_index: mobile_index
                .map(|bytes| bytes.try_into().map_err(damaged))
                .transpose()?,
            registered_by,
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
    pub mobile_index: [u8; 32],
    pub sealed: SealedPerson,
    /// The account of the organisation or the counter that states them; `None` where their own account does.
    pub registered_by: Option<String>,
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
        mobile_index,
        sealed,
        registered_by,
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
        mobile_index: Set(Some(mobile_index.to_vec())),
        registered_at: Set(Some(now.micros())),
        confirmed_at: Set(None),
        published_division: Set(None),
        registered_by: Set(registered_by),
        held_by: Set(None),
    }
}

/// Stores the latest items of a registered person, or the first items of a placeholder.
pub async fn update(transaction: &DatabaseTransaction, new: NewPerson) -> Result<(), StorageError> {
    use person::Column;
    let NewPerson {
        subject,
        index: _,
        mobile_index,
        sealed,
        registered_by,
        now,
    } = new;
    person::Entity::update_many()
        .col_expr(Column::FullName, Expr::value(sealed.full_name))
        .col_expr(Column::Document, Expr::value(sealed.document))
        .col_expr(Column::Mobile, Expr::value(sealed.mobile))
        .col_expr(Column::Nationality, Expr::value(sealed.nationality))
        .col_expr(Column::Home, Expr::value(sealed.home))
        .col_expr(Column::MobileIndex, Expr::value(mobile_index.to_vec()))
        .col_expr(Column::RegisteredBy, Expr::value(registered_by))
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
        .columns([
            person::Column::DocumentIndex,
            person::Column::SubjectId,
            person::Column::HeldBy,
        ])
        .filter(person::Column::DocumentIndex.is_in(indexes.iter().map(|index| index.to_vec())))
        .into_tuple::<(Vec<u8>, Vec<u8>, Option<Vec<u8>>)>()
        .all(connection)
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for (index, subject, held_by) in rows {
        let index = DocumentIndex::try_from(index)
            .map_err(|_| StorageError::Damaged("people.document_index is not 32 bytes".to_owned()))?;
        let subject = held_by.unwrap_or(subject);
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
            mobile_index: Set(None),
            registered_at: Set(None),
            confirmed_at: Set(None),
            published_division: Set(None),
            registered_by: Set(None),
            held_by: Set(None),
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
/// accounts. The documents of a placeholder keep leading to its subject. Returns how many.
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
        .col_expr(Column::MobileIndex, nothing())
        .col_expr(Column::RegisteredAt, Expr::value(Option::<i64>::None))
        .col_expr(Column::RegisteredBy, Expr::value(Option::<String>::None))
        .filter(Column::SubjectId.is_in(subjects.iter().cloned()))
        .exec(transaction)
        .await?;
    account::Entity::update_many()
        .col_expr(account::Column::SubjectId, nothing())
        .col_expr(account::Column::LinkedAt, Expr::value(Option::<i64>::None))
        .filter(account::Column::SubjectId.is_in(subjects.iter().cloned()))
        .exec(transaction)
        .await?;
    person_changes::erase(transaction, &subjects).await?;
    Ok(subjects.len())
}
