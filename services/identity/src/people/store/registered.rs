//! Registered people with all their items.

use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::column::{read_subject, subject_bytes};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait as _, QuerySelect as _};

use super::items::{SealedPerson, open_mobile};
use super::person::{Entity, Model};
use super::{DocumentIndex, NewPerson, documents};

/// A registered person, as stored.
#[derive(Debug, Clone)]
pub struct RegisteredPerson {
    pub subject: SubjectId,
    pub index: DocumentIndex,
    pub mobile_index: Option<[u8; 32]>,
    pub sealed: SealedPerson,
}

/// The person with this document. A placeholder is nobody.
pub async fn by_index(
    connection: &impl ConnectionTrait,
    index: &DocumentIndex,
) -> Result<Option<RegisteredPerson>, StorageError> {
    match documents::holder(connection, index).await? {
        Some(holder) => by_subject(connection, holder.subject).await,
        None => Ok(None),
    }
}

/// The person of this subject. A placeholder is nobody.
pub async fn by_subject(
    connection: &impl ConnectionTrait,
    subject: SubjectId,
) -> Result<Option<RegisteredPerson>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject));
    row.one(connection).await?.map_or(Ok(None), read)
}

/// The mobile of this subject's person. A placeholder is nobody.
pub async fn mobile(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    subject: SubjectId,
) -> Result<Option<Mobile>, Fault> {
    let person = by_subject(connection, subject).await?;
    let mobile = person.map(|person| open_mobile(cipher, subject, &person.sealed.mobile));
    mobile.transpose()
}

/// The person of this subject, whom no other transaction changes until the end of this one. A placeholder is nobody.
pub async fn lock(
    transaction: &DatabaseTransaction,
    subject: SubjectId,
) -> Result<Option<RegisteredPerson>, StorageError> {
    let row = Entity::find_by_id(subject_bytes(subject)).lock_exclusive();
    row.one(transaction).await?.map_or(Ok(None), read)
}

fn read(row: Model) -> Result<Option<RegisteredPerson>, StorageError> {
    let damaged = |what: &str| StorageError::Damaged(format!("people.{what} is not 32 bytes"));
    let mobile_index = row
        .mobile_index
        .map(|bytes| bytes.try_into().map_err(|_| damaged("mobile_index")));
    let sealed = SealedPerson::of_columns(row.full_name, row.document, row.mobile, row.nationality, row.home);
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    Ok(Some(RegisteredPerson {
        subject: read_subject(&row.subject_id, "people.subject_id")?,
        index: row
            .document_index
            .try_into()
            .map_err(|_| damaged("document_index"))?,
        mobile_index: mobile_index.transpose()?,
        sealed,
    }))
}

/// Registers somebody whose document nobody has registered: its placeholder gets the items, or it is added. Returns the subject.
pub async fn register(transaction: &DatabaseTransaction, new: NewPerson) -> Result<SubjectId, StorageError> {
    let (subject, now) = (new.subject, new.now);
    if super::exists(transaction, subject).await? {
        super::update(transaction, new).await?;
    } else if !super::insert(transaction, vec![new]).await? {
        return Err(StorageError::Contended);
    }
    super::confirm(transaction, &[subject], now).await?;
    Ok(subject)
}
