//! The table `person_changes`: what the items of a person were before each change. Rows are added, and erased with the person.

use lutong_kernel::{Channel, Fault, Secret, SubjectId, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::column::subject_bytes;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use self::person_change::{ActiveModel, Column, Entity, Model};
use super::domain::{ItemChange, differences};
use crate::accounts::domain::AccountId;
use crate::people::domain::Person;
use crate::people::domain::item::Item;
use crate::people::store::registered;

pub mod person_change {
    use sea_orm::entity::prelude::*;

    /// One item of a person that changed.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "person_changes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: Vec<u8>,
        /// Counts the changes of the person, from 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub sequence: i64,
        pub item: String,
        /// Encrypted for this row.
        pub old_value: Vec<u8>,
        /// Encrypted for this row.
        pub new_value: Vec<u8>,
        /// The account.
        pub changed_by: String,
        pub changed_at: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who changes items, and when.
#[derive(Debug, Clone)]
pub struct ChangeAction {
    pub by: AccountId,
    pub at: Timestamp,
}

/// A change as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedChange {
    pub sequence: i64,
    pub change: ItemChange,
    /// Of the account that changed it; none for an account of no channel.
    pub channel: Option<Channel>,
    pub changed_at: Timestamp,
}

/// Whether a value is the one before or after the change. Each is encrypted for itself, so that they cannot be exchanged.
#[derive(Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
enum Side {
    Old,
    New,
}

fn context(subject: SubjectId, sequence: i64, item: &str, side: Side) -> Vec<u8> {
    format!("person_changes/{}/{item}/{subject}/{sequence}", side.into_str()).into_bytes()
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("person_changes.{what}"))
}

/// The number of the latest change of a person; 0 where there was none.
pub async fn latest(connection: &impl ConnectionTrait, subject: SubjectId) -> Result<i64, StorageError> {
    let latest: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .order_by_desc(Column::Sequence)
        .into_tuple()
        .one(connection)
        .await?;
    Ok(latest.unwrap_or_default())
}

/// Records what changes when the items of a registered person are stated anew, and returns the items before. A placeholder has none.
pub async fn record_restated(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
    person: &Person,
    action: &ChangeAction,
) -> Result<Option<Person>, Fault> {
    let Some(stored) = registered::lock(transaction, subject).await? else {
        return Ok(None);
    };
    let before = stored.sealed.open(cipher, subject, action.at.local_day())?;
    record(
        transaction,
        cipher,
        subject,
        &differences(&before, person),
        action,
    )
    .await?;
    Ok(Some(before))
}

/// Records changes. The caller has locked the person, so that each change gets a number of its own.
pub async fn record(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    subject: SubjectId,
    changes: &[ItemChange],
    action: &ChangeAction,
) -> Result<(), Fault> {
    let mut sequence = latest(transaction, subject).await?;
    let mut rows = Vec::with_capacity(changes.len());
    for ItemChange { item, old, new } in changes {
        sequence += 1;
        let item = item.into_str();
        let seal = |text: &Secret<String>, side| {
            let context = context(subject, sequence, item, side);
            cipher.encrypt(text.expose().as_bytes(), &context)
        };
        rows.push(ActiveModel {
            subject_id: Set(subject_bytes(subject)),
            sequence: Set(sequence),
            item: Set(item.to_owned()),
            old_value: Set(seal(old, Side::Old)?),
            new_value: Set(seal(new, Side::New)?),
            changed_by: Set(action.by.as_str().to_owned()),
            changed_at: Set(action.at.micros()),
        });
    }
    if !rows.is_empty() {
        let inserted = Entity::insert_many(rows).exec_without_returning(transaction);
        inserted.await.map_err(StorageError::from)?;
    }
    Ok(())
}

/// The changes of a person before a number, the newest first.
pub async fn list(
    connection: &impl ConnectionTrait,
    cipher: &ReadyCipher,
    subject: SubjectId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<RecordedChange>, Fault> {
    let mut query = Entity::find()
        .filter(Column::SubjectId.eq(subject_bytes(subject)))
        .order_by_desc(Column::Sequence)
        .limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Sequence.lt(before));
    }
    let rows = query.all(connection).await.map_err(StorageError::from)?;
    rows.iter().map(|row| open(cipher, subject, row)).collect()
}

fn open(cipher: &ReadyCipher, subject: SubjectId, row: &Model) -> Result<RecordedChange, Fault> {
    let item: Item = row.item.parse().map_err(|_| damaged("item"))?;
    let open = |sealed: &[u8], side| {
        let text = cipher.decrypt_text(sealed, &context(subject, row.sequence, &row.item, side));
        text.map(Secret::new)
    };
    Ok(RecordedChange {
        sequence: row.sequence,
        change: ItemChange {
            item,
            old: open(&row.old_value, Side::Old)?,
            new: open(&row.new_value, Side::New)?,
        },
        channel: Channel::of_account(&row.changed_by),
        changed_at: Timestamp::from_micros(row.changed_at),
    })
}

/// Erases the changes of people who are erased.
pub async fn erase(transaction: &DatabaseTransaction, subjects: &[Vec<u8>]) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::SubjectId.is_in(subjects.iter().cloned()))
        .exec(transaction)
        .await?;
    Ok(())
}
